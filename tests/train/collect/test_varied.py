"""A teacher in other words, with slips that it mends, over a real mesh."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thinkimg_agent.conversation import Message
from thinkimg_agent.coordinates import CoordinateSpace
from thinkimg_agent.dialects import DIALECTS, Dialect
from thinkimg_agent.episode import Limits, run_episode
from thinkimg_agent.policies import Generation
from thinkimg_agent.reply import Reply, WrittenCall
from thinkimg_agent.sample import Sample
from thinkimg_agent.trajectory import StopReason, Trajectory
from thinkimg_eval.synthcharts.planner.look import Look
from thinkimg_rpc.client import Mesh
from thinkimg_rpc.contract import ToolContract
from thinkimg_rpc.imaging.codec import encode_png
from thinkimg_train.collect.checks import reasons_against
from thinkimg_train.collect.config import ChecksSection, TeacherSection
from thinkimg_train.collect.slips import Frame, detour_before
from thinkimg_train.collect.varied import VariedTeacher
from thinkimg_train.collect.wording import in_other_words
from thinkimg_workers.crop import Crop
from thinkimg_workers.draw_horizontal_line_by_y import DrawHorizontalLineByY

PICTURE = encode_png(np.full((60, 80, 3), 255, np.uint8))
SAMPLE = Sample("s1", "Which is the highest?", (PICTURE,), truth="Lima")
PLAIN = TeacherSection(wording=0.0, mistakes=0.0, detours=0.0)


@pytest.fixture
async def mesh() -> AsyncIterator[Mesh]:
    async with Mesh.local([Crop, DrawHorizontalLineByY]) as mesh:
        yield mesh


class Insisting:
    """Asks for a crop and a line until it has seen both, as a planner does."""

    name = "insisting"
    max_image_pixels = 1 << 20

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    async def generate(
        self, conversation: Sequence[Message], tools: Sequence[ToolContract], max_tokens: int
    ) -> Generation:
        far = (80.0, 60.0) if self._dialect.space.full is None else (self._dialect.space.full,) * 2
        box = {"x0": 0.0, "y0": 0.0, "x1": round(far[0] / 4), "y1": round(far[1] / 4)}
        wanted: list[tuple[str, str, dict[str, Any]]] = [
            ("I look at the key closely.", "Crop", {"image": "img_1", "box": box}),
            ("I draw a line at Lima.", "DrawHorizontalLineByY", {"image": "img_1", "y": 30}),
        ]
        seen = Look.at(conversation, [tool.name for tool in tools], self._dialect).findings
        for number, (thought, tool, arguments) in enumerate(wanted):
            call = WrittenCall(tool, arguments, id=self._id(number, len(seen)))
            if not any((one.call.name, one.call.arguments) == (tool, arguments) for one in seen):
                return self._turn(Reply(thought, (call,)))
        return self._turn(Reply("In order: Lima 3.", answer="Lima"))

    def _id(self, number: int, seen: int) -> str:
        return f"call_{number}_{seen}" if self._dialect.name == "native" else ""

    def _turn(self, reply: Reply) -> Generation:
        return Generation(
            self._dialect.write(reply), reply.calls if self._dialect.name == "native" else ()
        )


async def episode(
    mesh: Mesh, variation: TeacherSection, seed: str, dialect: Dialect
) -> tuple[Trajectory, VariedTeacher]:
    teacher = VariedTeacher(Insisting(dialect), dialect, variation, seed)
    trajectory = await run_episode(
        SAMPLE, teacher, mesh, Limits(), dialect=dialect, tools=await mesh.contracts()
    )
    trajectory.score = 1.0
    return trajectory, teacher


def thoughts(trajectory: Trajectory) -> list[str]:
    return [turn.thought for turn in trajectory.turns]


HERMES = DIALECTS["hermes"]()


async def test_without_variation_a_teacher_is_as_it_is(mesh: Mesh) -> None:
    trajectory, teacher = await episode(mesh, PLAIN, "0", HERMES)
    assert thoughts(trajectory)[0] == "I look at the key closely."
    assert (len(trajectory.turns), teacher.slips) == (3, [])


async def test_other_words_are_many_and_the_same_for_the_same_seed(mesh: Mesh) -> None:
    words = TeacherSection(wording=1.0, mistakes=0.0, detours=0.0)
    said = [thoughts((await episode(mesh, words, str(seed), HERMES))[0]) for seed in range(12)]
    assert len({tuple(one) for one in said}) > 6
    assert thoughts((await episode(mesh, words, "3", HERMES))[0]) == said[3]
    assert all("Lima" in one[1] for one in said)


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize("space", [CoordinateSpace.PIXELS, CoordinateSpace.PERCENT])
async def test_slips_fail_or_miss_and_are_mended_in_the_next_turn(
    mesh: Mesh, name: str, space: CoordinateSpace
) -> None:
    dialect = DIALECTS[name](space)
    always = TeacherSection(wording=0.5, mistakes=1.0, detours=1.0)
    done: Counter[str] = Counter()
    for seed in range(6):
        trajectory, teacher = await episode(mesh, always, str(seed), dialect)
        assert trajectory.stop is StopReason.ANSWERED
        assert reasons_against(trajectory, ChecksSection()) == []
        assert len(trajectory.turns) == 5
        failed = [call for turn in trajectory.turns for call in turn.calls if call.error]
        assert len(failed) == 1
        done.update(teacher.slips)
    assert set(done) == {"detour in Crop", "mistake in DrawHorizontalLineByY"}


async def test_the_thought_after_a_slip_says_what_was_wrong(mesh: Mesh) -> None:
    only = TeacherSection(wording=0.0, mistakes=1.0, detours=0.0)
    starts = set()
    for seed in range(40):
        trajectory, _ = await episode(mesh, only, str(seed), HERMES)
        [wrong] = trajectory.turns[0].calls
        mended = trajectory.turns[1].thought
        assert mended.endswith("I look at the key closely.")
        assert wrong.error
        assert trajectory.turns[1].calls[0].error == ""
        starts.add(mended.split(":")[0].split("Tool")[0])
    assert starts == {
        "There is no tool Crop",
        'There is no argument "img"',
        'There is no argument "bbox"',
        "That is outside the image",
    }


async def test_a_detour_names_the_way_back(mesh: Mesh) -> None:
    only = TeacherSection(wording=0.0, mistakes=0.0, detours=1.0)
    for seed in range(6):
        trajectory, _ = await episode(mesh, only, str(seed), HERMES)
        (wrong,), (right,) = (turn.calls for turn in trajectory.turns[:2])
        boxes = [call.request["box"] for call in (wrong, right)]
        down = boxes[0]["y0"] > boxes[1]["y0"]
        where = "higher up" if down else "further to the left"
        assert trajectory.turns[1].thought.startswith(f"That is not the place: it is {where}.")
        assert boxes[0]["x0"] >= boxes[1]["x1"] or boxes[0]["y0"] >= boxes[1]["y1"]


spans = st.tuples(st.integers(0, 99), st.integers(1, 60))


@given(spans, spans, st.integers())
def test_a_detour_stays_in_the_image_and_off_the_place(
    across: tuple[int, int], along: tuple[int, int], seed: int
) -> None:
    right = {"x0": across[0], "y0": along[0]}
    right |= {"x1": min(100, sum(across)), "y1": min(100, sum(along))}
    call = WrittenCall("Crop", {"image": "img_1", "box": right})
    slip = detour_before(call, Frame(100.0, 100.0, 0), random.Random(seed))
    if slip is None:
        return
    assert isinstance(slip.wrong.arguments, dict)
    box = slip.wrong.arguments["box"]
    assert 0 <= box["x0"] < box["x1"] <= 100
    assert 0 <= box["y0"] < box["y1"] <= 100
    shared_x = min(box["x1"], right["x1"]) - max(box["x0"], right["x0"])
    shared_y = min(box["y1"], right["y1"]) - max(box["y0"], right["y0"])
    area = (right["x1"] - right["x0"]) * (right["y1"] - right["y0"])
    assert max(0, shared_x) * max(0, shared_y) <= 0.1 * area


def test_what_cannot_be_looked_at_elsewhere_has_no_detour() -> None:
    whole = WrittenCall("Crop", {"image": "img_1", "box": {"x0": 0, "y0": 0, "x1": 100, "y1": 100}})
    reading = WrittenCall("OCR", {"image": "img_1"})
    for call in (whole, reading):
        assert detour_before(call, Frame(100.0, 100.0, 0), random.Random(0)) is None


@pytest.mark.parametrize(
    "thought",
    [
        "In order: Lima {3}, Oslo 2.",
        "I read the text and look for the line of 'a {b}'.",
        "12 is written at {Lima}.",
        "I see Lima [4, 880, 61, 920] [2, 315, 60, 871] 12.",
        "3 of 7 values are above 20.",
    ],
)
def test_other_words_keep_every_name_and_number(thought: str) -> None:
    kept = {word for word in thought.rstrip(".").split() if not word.isalpha()}
    said = {in_other_words(thought, random.Random(seed)) for seed in range(20)}
    assert len(said) > 1
    for one in said:
        assert all(word.strip(",") in one for word in kept if word != "order:")


def test_a_thought_of_no_known_form_stays_as_it_is() -> None:
    assert in_other_words("Hm.", random.Random(0)) == "Hm."
