"""What the rollouts of a run need open: a mesh, its tools, and an engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

from accelerate import Accelerator
from accelerate.utils import broadcast_object_list

from thinkimg_agent.coordinates import CoordinateSpace
from thinkimg_agent.dialects import DIALECTS
from thinkimg_agent.policies.chat_tokens import ChatTokens
from thinkimg_agent.trajectory import Trajectory
from thinkimg_eval.run.config import PolicyConfig, RunConfig, TaskConfig
from thinkimg_eval.run.episodes import EpisodeSetting, PolicyPool
from thinkimg_eval.run.fields import Word
from thinkimg_eval.run.offering import offered
from thinkimg_eval.run.ranks import Rank
from thinkimg_eval.run.renaming import check_naming
from thinkimg_eval.run.surroundings import Surroundings, dialect_of
from thinkimg_eval.tasks import OpenedTask, open_task
from thinkimg_rpc.errors import InvalidRequest
from thinkimg_train.bad_data import BadSample
from thinkimg_train.grpo_config import GrpoConfig
from thinkimg_train.rollouts.difficulty import known_rates
from thinkimg_train.rollouts.engines import Trained, open_engine
from thinkimg_train.rollouts.playing import Player, SharedQuestions
from thinkimg_train.rollouts.questions import Order
from thinkimg_train.samples import TrainingSample, sample_of


class TrainerRank(Rank):
    """A process among those that train together, which accelerate has made known."""

    def __init__(self, accelerator: Accelerator) -> None:
        self.number = accelerator.process_index
        self.count = accelerator.num_processes

    async def told_by_first(self, value: Any) -> Any:
        box = [value]
        await asyncio.to_thread(broadcast_object_list, box)
        return box[0]


def open_questions(config: GrpoConfig) -> OpenedTask:
    """The task of a run. Raises: InvalidRequest."""
    options = dict(config.task)
    name = options.pop("name", None)
    if not isinstance(name, str):
        raise InvalidRequest.field(
            "task.name", "is missing; say for example --task.name synthcharts"
        )
    opened = open_task(name, options, seed=None)
    if not len(opened.task.samples):
        raise InvalidRequest.field("task", f"{name} has no questions")
    spaces = {space.value for space in CoordinateSpace}
    for field, chosen, known in (
        ("rollout.dialect", config.rollout.dialect, set(DIALECTS)),
        ("rollout.coordinates", config.rollout.coordinates, spaces),
    ):
        if chosen not in known:
            raise InvalidRequest.field(field, f'"{chosen}" is none of {", ".join(sorted(known))}')
    return opened


def open_order(config: GrpoConfig, opened: OpenedTask) -> Order:
    """In which the questions of a run are asked. Raises: InvalidRequest."""
    curriculum = config.curriculum
    if curriculum.easy_first and not curriculum.known:
        raise InvalidRequest.field(
            "curriculum.easy_first", "needs curriculum.known, which says what is easy"
        )
    questions = len(opened.task.samples)
    return Order(
        min(questions, config.limit or questions),
        config.seed,
        curriculum.least_chance,
        known=known_rates(curriculum.known, opened),
        easy_first=curriculum.easy_first,
    )


def run_config(config: GrpoConfig) -> RunConfig:
    """The rollouts as `thinkimg eval run` would be told of them."""
    rollout = config.rollout
    return RunConfig(
        task=TaskConfig(name=Word(config.task.get("name", ""))),
        policy=PolicyConfig(
            name=f"transformers:{config.model.path}",
            dialect=rollout.dialect,
            coordinates=rollout.coordinates,
            temperature=rollout.temperature,
            max_image_pixels=rollout.max_image_pixels,
        ),
        out=config.out,
        seed=config.seed,
        tools=rollout.tools,
        limits=config.limits,
        mesh=config.mesh,
        retry=config.retry,
    )


@asynccontextmanager
async def open_player(
    config: GrpoConfig,
    opened: OpenedTask,
    chat: ChatTokens,
    never: Sequence[int],
    module: Any,
    rank: Rank,
    say: Callable[[str], None],
) -> AsyncIterator[Player]:
    """
    Args:
        never: tokens that the policy cannot have sampled.
        module: the model that is trained.
    Raises: InvalidRequest; MeshFault; CannotStart; PolicyFault."""
    asked = run_config(config)
    async with AsyncExitStack() as stack:
        surroundings = await stack.enter_async_context(Surroundings(asked, rank, say))
        mesh = await surroundings.mesh()
        tools = await offered(config.rollout.tools, opened.task.tools, mesh)
        check_naming(config.naming, tools)
        trained = Trained(config.model.path, module, config.seed + rank.number)
        engine = await open_engine(config.rollout, trained)
        stack.push_async_callback(engine.close)
        questions = SharedQuestions(
            opened.task, stack.enter_context(ThreadPoolExecutor(1, "samples"))
        )
        setting = EpisodeSetting(
            questions,
            PolicyPool([]),
            mesh,
            config.limits,
            dialect_of(asked.policy),
            tools,
            config.retry,
        )
        yield Player(
            setting,
            questions,
            engine,
            partial(_sample, chat, frozenset(never), config.rollout.max_image_pixels),
            config.naming,
            group_size=config.rollout.group_size,
            seed=config.seed,
        )


def _sample(
    chat: ChatTokens, never: frozenset[int], max_pixels: int, trajectory: Trajectory
) -> TrainingSample:
    """The tokens of an episode as it was. Raises: BadSample."""
    sample = sample_of(
        trajectory,
        chat,
        trajectory.pictures.get,
        source=trajectory.sample_id,
        max_pixels=max_pixels,
        tokens="sampled",
    )
    if strange := never.intersection(sample.input_ids[sample.trained].tolist()):
        token = chat.tokenizer.convert_ids_to_tokens(min(strange))
        raise BadSample("tokens", f"{token} was sampled, which this policy never writes")
    return sample
