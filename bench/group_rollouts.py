"""The rollouts of a training step while tools take their time, ours and TRL's."""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import transformers

from bench.chart import draw_chart
from bench.processes import serve_mesh
from bench.report import Goal, Section, times
from bench.scripted_model import CALLS, FILLER, QUESTION, Script, save_scripted_model
from bench.yardsticks.trl_rollouts import TrlRollouts
from thinkimg_agent.dialects import DIALECTS
from thinkimg_agent.episode import Limits
from thinkimg_agent.policies.chat_tokens import ChatTokens
from thinkimg_agent.sample import Sample
from thinkimg_agent.shown import reduced
from thinkimg_agent.trajectory import StopReason, Trajectory
from thinkimg_eval.run.config import NamingSection, RetrySection
from thinkimg_eval.run.episodes import EpisodeSetting, PolicyPool
from thinkimg_eval.task import Task
from thinkimg_rpc.client import Mesh
from thinkimg_rpc.contract import ToolContract
from thinkimg_rpc.imaging.codec import encode_png
from thinkimg_rpc.schema import openai_tools
from thinkimg_rpc.serve.config import WorkerSection
from thinkimg_rpc.testing.v1 import EchoRequest
from thinkimg_train.chat import chat_of
from thinkimg_train.grpo_config import RolloutSection
from thinkimg_train.rollouts.engines import Engine, Trained, open_engine
from thinkimg_train.rollouts.loop import LoopThread
from thinkimg_train.rollouts.playing import Group, Player, SharedQuestions
from thinkimg_train.rollouts.questions import Question
from thinkimg_train.samples import TrainingSample, sample_of

DIALECT = DIALECTS["hermes-brief"]()
PROMPTS, GROUP_SIZE = 8, 8
CALL_S = 0.3
ROUNDS = 3
THOUGHTS = range(2, 2 + 2 * PROMPTS, 2)
"""Tokens of one, for each prompt: some episodes are long before others."""
VIEW_PIXELS = 112 * 112
GOAL_OVER_INSTANT, GOAL_OVER_TRL = 1.15, 3.0
_TOOL = WorkerSection(
    name="slow", tools=("bench.slow_tool:SlowTool",), concurrency=PROMPTS * GROUP_SIZE
)


@dataclass(frozen=True)
class Played:
    """The rollouts of one step."""

    seconds: float
    cpu_s: float
    """Processor time of this process: what a busy machine does not change."""
    tokens: int
    """That were sampled."""


def measure_group_rollouts() -> Section:
    """Wall time with tools that take their time, and with tools that take none."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        place = save_scripted_model(Path(folder) / "model", _words())
        loop = stack.enter_context(LoopThread())
        served = stack.enter_context(loop.held(serve_mesh(_TOOL)))
        mesh = stack.enter_context(loop.held(Mesh(served.address)))
        loader: Any = transformers.AutoModelForImageTextToText
        model = loader.from_pretrained(place)
        script = Script(model, chat_of(str(place)).tokenizer)
        ours = _Ours(loop, mesh, model, place)
        theirs = _Theirs(loop, mesh, model, place)
        stack.callback(ours.close)
        ours.play()  # the first of all times
        seen: dict[tuple[str, float], list[Played]] = {}
        for _ in range(ROUNDS):
            for delay_s in (0.0, CALL_S):
                script.delay_s = delay_s
                seen.setdefault(("thinkimg", delay_s), []).append(ours.play())
        for delay_s in (0.0, CALL_S):
            script.delay_s = delay_s
            seen["TRL", delay_s] = [theirs.play()]
    return _section(seen)


class _Ours:
    """A player as `thinkimg train grpo` has one."""

    def __init__(self, loop: LoopThread, mesh: Mesh, model: Any, place: Path) -> None:
        self._loop = loop
        trained = Trained(str(place), model, seed=0)
        section = RolloutSection(max_image_pixels=VIEW_PIXELS)
        self._engine: Engine = loop.run(open_engine(section, trained))
        self._maker = ThreadPoolExecutor(1)
        task = Task("bars", "1", samples(), lambda answer, sample: 1.0)
        questions = SharedQuestions(task, self._maker)
        setting = EpisodeSetting(
            questions,
            PolicyPool([]),
            mesh,
            Limits(max_turns=CALLS + 1, max_turn_tokens=256),
            DIALECT,
            loop.run(mesh.contracts()),
            RetrySection(),
        )
        self._player = Player(
            setting,
            questions,
            self._engine,
            partial(_sample, chat_of(str(place))),
            NamingSection(),
            group_size=GROUP_SIZE,
            seed=0,
        )

    def play(self) -> Played:
        asked = [Question(n, n) for n in range(PROMPTS)]
        cpu_s, began = time.process_time(), time.perf_counter()
        groups = self._loop.run(self._player.play(asked))
        seconds, cpu_s = time.perf_counter() - began, time.process_time() - cpu_s
        return Played(seconds, cpu_s, _checked(groups))

    def close(self) -> None:
        self._loop.run(self._engine.close())
        self._maker.shutdown()


class _Theirs:
    """A trainer of TRL's, whose tool is the same mesh's."""

    def __init__(self, loop: LoopThread, mesh: Mesh, model: Any, place: Path) -> None:
        self._calls = 0

        def Echo(delay_s: float) -> str:
            """
            Return what was sent, after a delay if asked.

            Args:
                delay_s: Seconds to wait before answering.
            """
            self._calls += 1
            answer = loop.run(mesh.send(EchoRequest(delay_s=delay_s)))
            return f"worker {answer.worker_id}"

        self._rollouts = TrlRollouts(model, place, samples(), GROUP_SIZE, Echo)

    def play(self) -> Played:
        self._calls = 0
        seconds, cpu_s, tokens = self._rollouts.play()
        assert self._calls == PROMPTS * GROUP_SIZE * CALLS, self._calls
        return Played(seconds, cpu_s, tokens)


def samples() -> list[Sample]:
    """Questions with a small picture each; the first are thought about for the shortest."""
    made = []
    for number, thought in enumerate(THOUGHTS):
        chart = reduced(encode_png(draw_chart()[number:]), VIEW_PIXELS).data
        made.append(Sample(str(number), f"{QUESTION}{FILLER * thought}", (chart,), "4"))
    return made


def _words() -> list[str]:
    """What is said of the tool."""
    contract = ToolContract.from_request(EchoRequest.DESCRIPTOR)
    return [DIALECT.instructions([contract]), json.dumps(openai_tools([contract], DIALECT.space))]


def _sample(chat: ChatTokens, trajectory: Trajectory) -> TrainingSample:
    return sample_of(
        trajectory,
        chat,
        trajectory.pictures.get,
        source=trajectory.sample_id,
        max_pixels=VIEW_PIXELS,
        tokens="sampled",
    )


def _checked(groups: Sequence[Group]) -> int:
    """The tokens that were sampled, in episodes that are as they should be."""
    episodes = [one for group in groups for one in group.episodes]
    assert len(episodes) == PROMPTS * GROUP_SIZE
    for one in episodes:
        assert one.sample is not None, (one.unfit, one.trajectory.stop_detail)
        assert one.trajectory.stop is StopReason.ANSWERED, one.trajectory.stop_detail
        assert [len(turn.calls) for turn in one.trajectory.turns] == [1] * CALLS + [0]
        assert not any(call.error for turn in one.trajectory.turns for call in turn.calls)
    return sum(turn.completion_tokens for one in episodes for turn in one.trajectory.turns)


def _section(seen: dict[tuple[str, float], list[Played]]) -> Section:
    section = Section(
        f"Rollouts of a training step: {PROMPTS} prompts × {GROUP_SIZE}, {CALLS} calls each",
        (
            "",
            f"wall s, calls of {CALL_S:g} s",
            "instant calls",
            "ratio",
            "of it CPU s",
            "tokens sampled",
        ),
    )
    wall = {key: statistics.median(one.seconds for one in rounds) for key, rounds in seen.items()}
    for name in ("thinkimg", "TRL"):
        slow, instant = wall[name, CALL_S], wall[name, 0.0]
        one = seen[name, CALL_S][0]
        row = (f"{slow:.2f}", f"{instant:.2f}", times(slow / instant), f"{one.cpu_s:.2f}")
        section.rows.append((name, *row, f"{one.tokens:,}"))
    pairs = zip(seen["thinkimg", CALL_S], seen["thinkimg", 0.0], strict=True)
    over_instant = statistics.median(slow.seconds / instant.seconds for slow, instant in pairs)
    over_trl = wall["TRL", CALL_S] / wall["thinkimg", CALL_S]
    section.goals += [
        Goal(
            f"with calls of {CALL_S:g} s at most {GOAL_OVER_INSTANT:g}× the time with instant ones",
            times(over_instant),
            over_instant <= GOAL_OVER_INSTANT,
        ),
        Goal(
            f"at least {GOAL_OVER_TRL:g}× as fast as TRL",
            times(over_trl),
            over_trl >= GOAL_OVER_TRL,
        ),
    ]
    section.notes.append(
        f"A random model of some three million parameters, which computes every token and is then "
        f"told what to say: a thought of {THOUGHTS[0]} to {THOUGHTS[-1]} tokens and a call, twice, "
        f"and an answer; ours in passes of {RolloutSection().batch} turns, TRL in one of all. Both "
        f"call the same tool over the same mesh. Ours: the medians of {ROUNDS} rounds, scored and "
        "made into samples to train on; TRL's: one round, its `_generate` alone."
    )
    return section
