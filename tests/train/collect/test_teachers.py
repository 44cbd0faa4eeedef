"""When another try at a question is worth it."""

from __future__ import annotations

from pathlib import Path

import pytest

from thinkimg_eval.run.config import PolicyConfig, TaskConfig
from thinkimg_train.collect.checks import Reason
from thinkimg_train.collect.config import CollectConfig, TeacherSection
from thinkimg_train.collect.teachers import PLAIN, Teachers

WRONG = [Reason("wrong_answer", '"a", not "b"')]
LEAKED = [Reason("leaked_answer", "turn 1")]


def teachers(
    policy: str, teacher: TeacherSection | None = None, temperature: float = 0.0
) -> Teachers:
    config = CollectConfig(
        task=TaskConfig(name="synthcharts"),
        policy=PolicyConfig(name=policy, temperature=temperature),
        out=Path("out"),
        teacher=teacher or TeacherSection(),
    )
    return Teachers(config, print)


@pytest.mark.parametrize(
    ("of", "before", "worth"),
    [
        (teachers("planner:"), WRONG, False),
        (teachers("planner:"), LEAKED, True),
        (teachers("planner:", PLAIN), LEAKED, False),
        (teachers("scripted:a.txt"), LEAKED, False),
        (teachers("openai:m"), WRONG, True),
        (teachers("transformers:m"), WRONG, False),
        (teachers("transformers:m", temperature=0.7), WRONG, True),
    ],
)
def test_a_try_that_would_go_alike_is_not_made(
    of: Teachers, before: list[Reason], worth: bool
) -> None:
    assert of.worth_a_try(1, before) == worth
    assert of.worth_a_try(0, ())


async def test_a_planner_is_varied_by_a_seed_for_each_try() -> None:
    always = TeacherSection(wording=1.0, mistakes=1.0, detours=1.0)
    async with teachers("planner:", always) as of:
        with (await of.for_try(3, 0)).policies.least_busy() as server:
            assert type(server.policy).__name__ == "VariedTeacher"
    async with teachers("planner:", PLAIN) as of:
        with (await of.for_try(3, 0)).policies.least_busy() as server:
            assert server.policy.name == "planner"
            assert type(server.policy).__name__ == "PlannerPolicy"
