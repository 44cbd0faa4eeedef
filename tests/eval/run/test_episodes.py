"""One question to its end, over a real mesh."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import pytest

from thinkimg_agent.conversation import Message
from thinkimg_agent.dialects import HermesDialect
from thinkimg_agent.episode import Limits
from thinkimg_agent.policies import ScriptedPolicy
from thinkimg_agent.policies.policy import Generation, Policy, PolicyFault
from thinkimg_agent.sample import Sample
from thinkimg_agent.trajectory import StopReason
from thinkimg_eval.run.config import RetrySection
from thinkimg_eval.run.episodes import EpisodeSetting, PolicyPool, Questions, ScorerFailed, score_of
from thinkimg_eval.task import Scorer, Task
from thinkimg_rpc.client import Mesh
from thinkimg_rpc.contract import ToolContract
from thinkimg_rpc.errors import InvalidRequest
from thinkimg_workers.crop import Crop

from ...mesh_fixtures import png

SAMPLE = Sample("a", "How many?", (png(),), "1")


class FaultyPolicy:
    """Its server breaks down in the first so many episodes."""

    name = "faulty"
    max_image_pixels = 1 << 20

    def __init__(self, faults: int) -> None:
        self.faults = faults
        self.turns = 0
        self.read: list[str] = []

    async def generate(
        self, conversation: Sequence[Message], tools: Sequence[ToolContract], max_tokens: int
    ) -> Generation:
        self.turns += 1
        self.read.append(conversation[-1].text)
        if self.turns <= self.faults:
            raise PolicyFault("overloaded")
        return Generation("<answer>1</answer>")


def right(answer: str, sample: Sample) -> float:
    return float(answer == sample.truth)


@asynccontextmanager
async def setting(
    *policies: Policy,
    scorer: Scorer = right,
    samples: Sequence[Sample] = (SAMPLE,),
    retries: int = 2,
    prompt: str = "",
) -> AsyncIterator[EpisodeSetting]:
    async with Mesh.local([Crop]) as mesh:
        with ThreadPoolExecutor(1) as maker:
            yield EpisodeSetting(
                Questions(Task("t", "1", samples, scorer, prompt=prompt), maker),
                PolicyPool(policies),
                mesh,
                Limits(),
                HermesDialect(),
                await mesh.contracts(),
                RetrySection(times=retries, wait_s=0.0),
            )


async def test_an_episode_that_is_broken_off_is_tried_again_and_counts_once() -> None:
    policy = FaultyPolicy(faults=2)
    async with setting(policy) as episodes:
        trajectory = await episodes.answer(0)
    assert (trajectory.stop, trajectory.score, policy.turns) == (StopReason.ANSWERED, 1.0, 3)
    assert trajectory.sample_index == 0


async def test_one_that_stays_broken_off_has_no_score() -> None:
    policy = FaultyPolicy(faults=99)
    async with setting(policy) as episodes:
        trajectory = await episodes.answer(0)
    assert (trajectory.stop, trajectory.score, policy.turns) == (StopReason.ABORTED, None, 3)
    assert trajectory.stop_detail == "overloaded"


async def test_no_answer_scores_nothing_and_is_not_shown_to_the_scorer() -> None:
    def never(answer: str, sample: Sample) -> float:
        raise AssertionError(answer)

    async with setting(ScriptedPolicy(["what?"] * 9), scorer=never) as episodes:
        trajectory = await episodes.answer(0)
    assert (trajectory.stop, trajectory.score) == (StopReason.UNPARSEABLE, 0.0)


async def test_a_judge_that_fails_is_asked_again_and_then_the_answer_is_not_counted() -> None:
    asked = []

    async def judge(answer: str, sample: Sample) -> float:
        asked.append(answer)
        raise PolicyFault("no credit left")

    async with setting(ScriptedPolicy(["<answer>1</answer>"]), scorer=judge) as episodes:
        trajectory = await episodes.answer(0)
    assert asked == ["1"] * 3
    assert (trajectory.stop, trajectory.score) == (StopReason.ABORTED, None)
    assert trajectory.stop_detail == "not scored: no credit left"
    assert trajectory.answer == "1"


async def test_the_form_that_a_task_wants_is_asked_for_after_the_question() -> None:
    policy = FaultyPolicy(faults=0)
    async with setting(policy, prompt="Answer in one word.") as episodes:
        await episodes.answer(0)
    assert policy.read[0].endswith("How many?\nAnswer in one word.")


@pytest.mark.parametrize(
    ("sample", "says"),
    [
        (Sample("bad", "?", (b"not an image",), "1"), "sample bad: "),
        (Sample("a", "?", (png(),), "1"), 'samples 0 and 1 of t are both called "a"'),
    ],
)
async def test_a_sample_that_is_no_good_is_named(sample: Sample, says: str) -> None:
    policy = ScriptedPolicy(["<answer>1</answer>"])
    async with setting(policy, samples=(SAMPLE, sample)) as episodes:
        await episodes.answer(0)
        with pytest.raises(InvalidRequest, match=says):
            await episodes.answer(1)


async def test_a_sample_that_takes_long_to_make_holds_nobody_up() -> None:
    drawn = threading.Event()

    class Slow(tuple[Sample]):
        def __getitem__(self, index: object) -> Sample:  # type: ignore[override]
            assert drawn.wait(10), "the event loop stood still"
            return SAMPLE

    async with setting(ScriptedPolicy(["<answer>1</answer>"]), samples=Slow()) as episodes:
        answering = asyncio.create_task(episodes.answer(0))
        asyncio.get_running_loop().call_soon(drawn.set)
        assert (await answering).answer == "1"


async def _judged(answer: str, sample: Sample) -> float:
    return 0.25


@pytest.mark.parametrize(("scorer", "score"), [(right, 1.0), (_judged, 0.25)])
async def test_a_scorer_is_a_function_or_a_coroutine_function(
    scorer: Callable[[str, Sample], float | Awaitable[float]], score: float
) -> None:
    assert await score_of(scorer, "1", SAMPLE) == score


@pytest.mark.parametrize(
    ("scorer", "says"),
    [
        (lambda answer, sample: 1 / 0, "the scorer failed at the answer '1': ZeroDivisionError"),
        (lambda answer, sample: 1.5, "the scorer gave 1.5, which is not 0 to 1"),
        (lambda answer, sample: float("nan"), "the scorer gave nan"),
    ],
)
async def test_a_faulty_scorer_is_named_with_the_sample(scorer: Scorer, says: str) -> None:
    with pytest.raises(ScorerFailed, match=f"sample a: {says}"):
        await score_of(scorer, "1", SAMPLE)


def test_episodes_are_shared_out_evenly_among_servers() -> None:
    policies = [ScriptedPolicy([]), ScriptedPolicy([]), ScriptedPolicy([])]
    pool = PolicyPool(policies)
    held = [pool.least_busy() for _ in range(7)]
    taken = [one.__enter__().policy for one in held]
    assert sorted(taken.count(policy) for policy in policies) == [2, 2, 3]
    held[0].__exit__(None, None, None)
    with pool.least_busy() as server:
        assert server.policy is min(policies, key=taken[1:].count)


def test_a_server_that_has_just_failed_comes_last_until_it_has_recovered() -> None:
    failing, working = ScriptedPolicy([]), ScriptedPolicy([])
    pool = PolicyPool([failing, working])
    with pool.least_busy() as server:
        server.ended(fault=True)
    with pool.least_busy() as first, pool.least_busy() as second:
        assert first.policy is second.policy is working
    server.ended(fault=False)
    with pool.least_busy() as first, pool.least_busy() as second:
        assert {first.policy, second.policy} == {failing, working}
