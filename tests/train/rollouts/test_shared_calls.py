"""The rollouts of a group look at one picture: what all of them ask is computed once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from thinkimg_agent.dialects import HermesDialect
from thinkimg_agent.episode import Limits
from thinkimg_agent.policies import Policy, ScriptedPolicy
from thinkimg_agent.reply import Reply, WrittenCall
from thinkimg_agent.sample import Sample
from thinkimg_agent.trajectory import StopReason
from thinkimg_eval.run.config import NamingSection, RetrySection
from thinkimg_eval.run.episodes import EpisodeSetting, PolicyPool
from thinkimg_eval.task import Task
from thinkimg_rpc.client import Mesh
from thinkimg_train.rollouts.engines import NamedWeights
from thinkimg_train.rollouts.playing import Player, SharedQuestions
from thinkimg_train.rollouts.questions import Question
from thinkimg_train.samples import TrainingSample

from ...mesh_fixtures import png
from ...thinkimg_rpc.server.gated import Gated

GROUP_SIZE = 8
DIALECT = HermesDialect()
READ = WrittenCall("OCR", {"image": "img_1"})
TURNS = [
    DIALECT.write(Reply("What does it say?", (READ,))),
    DIALECT.write(Reply("Once more.", (READ,))),
    DIALECT.write(Reply("So.", answer="0.5")),
]
NOTHING = TrainingSample(torch.zeros(1), torch.zeros(1), {}, {}, 0, "")


class Scripted:
    """An engine of which every episode says the same."""

    policy: Policy = ScriptedPolicy(TURNS)

    def policy_for(self, seed: int) -> Policy:
        return ScriptedPolicy(TURNS)

    async def follow(self, weights: NamedWeights, step: int) -> None: ...

    async def close(self) -> None: ...


@pytest.mark.parametrize("workers", [1, 2])
async def test_eight_rollouts_that_read_one_picture_cost_one_ocr_of_each_worker(
    workers: int,
) -> None:
    tool = Gated.fresh()
    samples = [Sample(f"s{n}", "What?", (png(64 + n, 64),), "0.5") for n in range(2)]
    task = Task("reading", "1", samples, lambda answer, sample: 1.0)
    async with Mesh.local([tool], workers=workers) as mesh:
        with ThreadPoolExecutor(1) as maker:
            questions = SharedQuestions(task, maker)
            setting = EpisodeSetting(
                questions,
                PolicyPool([]),
                mesh,
                Limits(),
                DIALECT,
                await mesh.contracts(),
                RetrySection(),
            )
            player = Player(
                setting,
                questions,
                Scripted(),
                lambda trajectory: NOTHING,
                NamingSection(),
                group_size=GROUP_SIZE,
                seed=0,
            )
            groups = await player.play([Question(n, n) for n in range(len(samples))])
    episodes = [one.trajectory for group in groups for one in group.episodes]
    assert [one.stop for one in episodes] == [StopReason.ANSWERED] * 2 * GROUP_SIZE
    calls = [call for one in episodes for turn in one.turns for call in turn.calls]
    assert len(calls) == 2 * 2 * GROUP_SIZE
    assert not any(call.error for call in calls)
    # A worker that has too much to do is spared further calls, also of what it knows.
    assert len(samples) <= len(tool.asked) <= len(samples) * workers
