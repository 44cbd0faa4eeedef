"""Dialects: what a model writes, read and written."""

from __future__ import annotations

import json
import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thinkimg_agent.coordinates import CoordinateSpace
from thinkimg_agent.dialects import (
    BriefHermesDialect,
    Dialect,
    HermesDialect,
    NativeDialect,
    OpenThinkImgDialect,
)
from thinkimg_agent.reply import Reply, Unparseable, WrittenCall
from thinkimg_rpc.contract import ToolContract
from thinkimg_rpc.v1 import (
    Axis,
    CropRequest,
    DrawHorizontalLineByYRequest,
    DrawVerticalLineByXRequest,
    GroundingDINORequest,
    OCRRequest,
    PointRequest,
    SAMRequest,
    SegmentRegionAroundPointRequest,
    ZoominSubplotRequest,
)

CROP = ToolContract.from_request(CropRequest.DESCRIPTOR)
BUILT_IN = [
    ToolContract.from_request(request.DESCRIPTOR)
    for request in (
        CropRequest,
        DrawHorizontalLineByYRequest,
        DrawVerticalLineByXRequest,
        GroundingDINORequest,
        OCRRequest,
        PointRequest,
        SAMRequest,
        SegmentRegionAroundPointRequest,
        ZoominSubplotRequest,
    )
]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)
plain_text = (
    st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
    .filter(lambda text: "<" not in text)
    .map(str.strip)
)
calls = st.lists(
    st.builds(
        WrittenCall,
        st.from_regex(r"[A-Za-z]{1,12}", fullmatch=True).filter(lambda name: name != "Terminate"),
        st.dictionaries(st.text(max_size=8), json_values, max_size=3),
    ),
    min_size=1,
    max_size=3,
).map(tuple)
replies = st.builds(Reply, plain_text, calls) | st.builds(
    lambda thought, answer: Reply(thought, answer=answer), plain_text, plain_text
)


@given(replies)
@pytest.mark.parametrize("dialect", [OpenThinkImgDialect(), HermesDialect()])
def test_what_is_written_reads_the_same(dialect: Dialect, reply: Reply) -> None:
    assert dialect.parse(dialect.write(reply)) == reply


@given(plain_text, plain_text)
def test_a_native_answer_reads_the_same(thought: str, answer: str) -> None:
    dialect = NativeDialect()
    reply = Reply(thought, answer=answer)
    assert dialect.parse(dialect.write(reply)) == reply


@given(st.text(max_size=200))
@pytest.mark.parametrize("dialect", [OpenThinkImgDialect(), HermesDialect(), NativeDialect()])
def test_any_text_is_read_as_calls_or_an_answer_or_refused(dialect: Dialect, text: str) -> None:
    with suppress(Unparseable):
        reply = dialect.parse(text)
        assert (reply.answer is None) == bool(reply.calls)


def test_openthinkimg_reads_all_actions_of_a_turn_in_order() -> None:
    text = json.dumps(
        {
            "thought": "look closer, Terminate later",
            "actions": [
                {"name": "Crop", "arguments": {"image": "img_1"}},
                {"name": "OCR", "arguments": {}},
            ],
        }
    )
    reply = OpenThinkImgDialect().parse(text)
    assert [call.name for call in reply.calls] == ["Crop", "OCR"]
    assert reply.answer is None


def test_openthinkimg_takes_a_fenced_object_and_a_number_as_answer() -> None:
    text = '```json\n{"actions": [{"name": "Terminate", "arguments": {"ans": 12.5}}]}\n```'
    assert OpenThinkImgDialect().parse(text) == Reply("", answer="12.5")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("I think we should Terminate.", "not valid JSON at line 1, column 1"),
        ("[1]", "must be a JSON object"),
        ('{"thought": "x"}', '"actions" must be a list of at least one action'),
        ('{"thought": "x", "actions": []}', "at least one action"),
        ('{"thought": 5, "actions": [{"name": "a"}]}', '"thought" must be text'),
        ('{"action": [], "actions": [{"name": "a"}]}', 'a key "action" it cannot have'),
        ('{"actions": [{"name": 3}]}', r'actions\[0\]: "name" must be the name of a tool'),
        ('{"actions": [{"name": "Crop", "args": {}}]}', 'a key "args" it cannot have'),
        ('{"actions": [{"name": "Crop", "arguments": [1]}]}', '"arguments" must be a JSON object'),
        (
            '{"actions": [{"name": "Crop"}, {"name": "Terminate", "arguments": {"ans": "a"}}]}',
            "must be the only action of its turn",
        ),
        ('{"actions": [{"name": "Terminate", "arguments": {}}]}', 'Terminate needs {"ans"'),
        ('{"actions": [{"name": "Terminate", "arguments": {"ans": true}}]}', "Terminate needs"),
        ('{"actions": [{"name": "a", "name": "b"}]}', '"name" is given twice'),
        ('{"actions": [{"name": "a", "arguments": {"x": NaN}}]}', "NaN is no number JSON has"),
    ],
)
def test_openthinkimg_says_what_to_mend(text: str, says: str) -> None:
    with pytest.raises(Unparseable, match=says):
        OpenThinkImgDialect().parse(text)


def test_hermes_reads_the_thought_around_its_calls() -> None:
    reply = HermesDialect().parse(
        'First zoom.\n<tool_call>\n{"name": "Crop", "arguments": {"scale": 2}}\n</tool_call>\n'
        '<tool_call>{"name": "OCR"}</tool_call>'
    )
    assert reply == Reply(
        "First zoom.", (WrittenCall("Crop", {"scale": 2}), WrittenCall("OCR", {}))
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("It is 5.", "neither a call nor an answer"),
        ('<tool_call>{"name": "Crop"}', "<tool_call> is not closed"),
        ("</answer>", "</answer> closes nothing"),
        ("<tool_call>Crop()</tool_call>", "<tool_call> is not valid JSON at line 1, column 1"),
        ('<tool_call>{"name": "a"}</tool_call><answer>5</answer>', "not both in one turn"),
        ("<answer>5</answer><answer>6</answer>", "there are two <answer>"),
        (
            '<tool_call>{"name": "a"}</tool_call><tool_call>{}</tool_call>',
            '<tool_call> number 2: "name" must be',
        ),
    ],
)
def test_hermes_says_what_to_mend(text: str, says: str) -> None:
    with pytest.raises(Unparseable, match=says):
        HermesDialect().parse(text)


def test_a_native_turn_with_calls_is_no_answer_whatever_its_text_says() -> None:
    called = WrittenCall("Crop", {}, id="call_1")
    reply = NativeDialect().parse("<answer>5</answer>", [called])
    assert reply.calls == (called,)
    assert reply.answer is None


def test_a_native_turn_without_calls_is_the_answer() -> None:
    assert NativeDialect().parse("42") == Reply(answer="42")
    with pytest.raises(Unparseable, match="the turn is empty"):
        NativeDialect().parse("  ")


@pytest.mark.parametrize("dialect", [OpenThinkImgDialect, HermesDialect, NativeDialect])
@pytest.mark.parametrize("space", list(CoordinateSpace))
def test_instructions_say_how_coordinates_count(
    dialect: type[Dialect], space: CoordinateSpace
) -> None:
    words = dialect(space).instructions([CROP])
    assert ("pixels from the left edge" in words) == (space is CoordinateSpace.PIXELS)
    if space.full is not None:
        assert f"to {space.full:g} at the right edge" in words


@pytest.mark.parametrize("dialect", [OpenThinkImgDialect, HermesDialect])
@pytest.mark.parametrize("space", [s for s in CoordinateSpace if s.full is not None])
def test_instructions_tell_no_coordinate_in_pixels_to_a_model_that_counts_otherwise(
    dialect: type[Dialect], space: CoordinateSpace
) -> None:
    words = dialect(space).instructions(BUILT_IN)
    assert "in pixels" not in words.replace("area in pixels", "").replace(
        "Width of the line in pixels", ""
    )
    assert space.unit(Axis.AXIS_X) in words


@pytest.mark.parametrize("dialect", [OpenThinkImgDialect(), HermesDialect(), NativeDialect()])
def test_without_tools_nothing_is_said_of_tools_and_an_answer_is_read(dialect: Dialect) -> None:
    words = dialect.instructions([])
    assert not re.search(r"tool|call|crop|coordinate", words, re.IGNORECASE)
    shape = re.search(r"<answer>your answer</answer>|\{.*\}", words)
    assert shape is None or dialect.parse(shape[0]).answer == "your answer"


@pytest.mark.parametrize("dialect", [OpenThinkImgDialect(), HermesDialect(), NativeDialect()])
@pytest.mark.parametrize("opening", ["<think>\n", ""], ids=["sampled", "in the template"])
def test_what_is_thought_before_a_turn_is_no_part_of_it(dialect: Dialect, opening: str) -> None:
    musing = 'Should I write <answer>3</answer>, <tool_call> or {"actions": []}?'
    reply = dialect.parse(f"{opening}{musing}\n</think>\n\n{dialect.write(Reply(answer='5'))}")
    assert reply == Reply(musing, answer="5")


def test_thinking_without_an_end_is_not_passed_over() -> None:
    with pytest.raises(Unparseable):
        HermesDialect().parse("<think> it may be <answer>5")


def test_brief_instructions_name_every_tool_in_a_fifth_of_the_letters() -> None:
    brief, full = BriefHermesDialect(), HermesDialect()
    told = brief.instructions(BUILT_IN)
    assert [line.partition("(")[0] for line in told.splitlines()[1:10]] == [
        tool.name for tool in BUILT_IN
    ]
    assert len(told) < len(full.instructions(BUILT_IN)) / 5
    assert brief.instructions([]) == full.instructions([])
