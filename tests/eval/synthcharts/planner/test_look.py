"""What a planner makes of a conversation, in every dialect."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from thinkimg_agent.conversation import Message
from thinkimg_agent.dialects import DIALECTS, Dialect
from thinkimg_agent.reply import Reply, WrittenCall
from thinkimg_eval.synthcharts.planner.look import Look, NotYetSeen

READ = ("OCR", {"image": "img_1"})
SEARCH = ("GroundingDINO", {"image": "img_1", "query": "bars"})
TOOLS = ["OCR", "GroundingDINO"]


def conversation(dialect: Dialect, observations: Sequence[str]) -> list[Message]:
    """One turn with two calls, and what came back, as an episode has it."""
    calls = [WrittenCall(*READ), WrittenCall(*SEARCH)]
    asked = Message("user", ("img_1 (100x80):", "What is the value of Oil?"))
    if dialect.name == "native":
        numbered = tuple(
            WrittenCall(call.name, call.arguments, id=str(number))
            for number, call in enumerate(calls)
        )
        text = dialect.write(Reply("I read.", numbered))
        answers = [
            Message("tool", (text,), call_id=str(number))
            for number, text in enumerate(observations)
        ]
        return [asked, Message("assistant", (text,), calls=numbered), *answers]
    text = dialect.write(Reply("I read.", tuple(calls)))
    results = list(zip(("OCR", "GroundingDINO"), observations, strict=True))
    return [
        asked,
        Message("assistant", (text,)),
        Message("user", (dialect.observation(results),)),
    ]


@pytest.fixture(params=list(DIALECTS))
def dialect(request: pytest.FixtureRequest) -> Dialect:
    made: Dialect = DIALECTS[request.param]()
    return made


def test_what_has_been_seen_is_found_again(dialect: Dialect) -> None:
    spans = json.dumps({"spans": [{"text": "{Error: 5}", "box": [1, 2, 3, 4]}]})
    look = Look.at(conversation(dialect, [spans, "Error: query: say what"]), TOOLS, dialect)
    read, searched = look.see("", READ, SEARCH)
    assert read.items("spans") == [{"text": "{Error: 5}", "box": [1, 2, 3, 4]}]
    assert not read.failed
    assert searched.failed
    assert searched.items("detections") == []
    assert look.question == "What is the value of Oil?"


def test_only_what_has_not_been_seen_is_asked_for(dialect: Dialect) -> None:
    look = Look.at(conversation(dialect, ["{}", "{}"]), TOOLS, dialect)
    other = ("OCR", {"image": "img_2"})
    with pytest.raises(NotYetSeen) as needed:
        look.see("I read the other.", READ, other)
    assert needed.value.calls == (WrittenCall(*other),)
    assert needed.value.thought == "I read the other."


def test_a_tool_that_is_not_offered_shows_nothing(dialect: Dialect) -> None:
    look = Look.at([Message("user", ("What?",))], ["OCR"], dialect)
    [finding] = look.see("", SEARCH)
    assert finding.failed
    assert finding.value("message") is None


def test_of_an_observation_that_was_cut_off_the_whole_items_are_kept(dialect: Dialect) -> None:
    spans = json.dumps({"spans": [{"text": str(at), "box": [at, 0, at, 1]} for at in range(50)]})
    look = Look.at(conversation(dialect, [spans[:333] + "… (cut)", "{}"]), TOOLS, dialect)
    [read] = look.see("", READ)
    kept = read.items("spans")
    assert 5 < len(kept) < 50
    assert kept[3] == {"text": "3", "box": [3, 0, 3, 1]}
