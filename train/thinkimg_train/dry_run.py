"""`--dry-run`: what a run would do, with its configuration, data, tools and model looked at, and
without a weight in memory."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from typing import Any

import torch
from rich.console import Console
from transformers.utils.import_utils import is_flash_attn_2_available

from thinkimg_agent.policies.scripted import ScriptedPolicy
from thinkimg_agent.reply import Reply
from thinkimg_agent.trajectory import StopReason, Trajectory
from thinkimg_eval.report.tables import new_table
from thinkimg_eval.run.episodes import EpisodeSetting, PolicyPool, Questions
from thinkimg_eval.run.offering import offered
from thinkimg_eval.run.ranks import Rank
from thinkimg_eval.run.renaming import check_naming
from thinkimg_eval.run.surroundings import Surroundings, dialect_of
from thinkimg_eval.tasks import OpenedTask
from thinkimg_rpc.errors import InvalidRequest, Unavailable
from thinkimg_train.bad_data import BadSample
from thinkimg_train.chat import chat_of
from thinkimg_train.config import DeepspeedSection, LoraSection, ModelSection, SftConfig
from thinkimg_train.distribution import deepspeed_config
from thinkimg_train.estimates import (
    GIB,
    H100_FLOPS,
    Size,
    Training,
    compute_of,
    memory_of,
    seconds_for,
    size_of,
)
from thinkimg_train.evaluation import check_evaluation
from thinkimg_train.grpo import checked
from thinkimg_train.grpo_config import GrpoConfig
from thinkimg_train.loader import StepLoader
from thinkimg_train.loading import weightless_model
from thinkimg_train.opening import open_data
from thinkimg_train.rollouts.opening import open_order, run_config
from thinkimg_train.samples import TrainingSample, sample_of

Facts = Iterator[tuple[str, str]]


def tell_of_sft(config: SftConfig, processes: int, screen: Console) -> None:
    """Say what a run of fine-tuning would do. Raises: InvalidRequest."""
    check_evaluation(config.evaluation)
    dataset = open_data(config.data, config.model.path, screen)
    loader = StepLoader(dataset, config.batch, seed=config.seed, ranks=processes)
    schedule = config.schedule
    steps = schedule.steps or math.ceil(schedule.epochs * loader.steps_per_epoch)
    tokens = dataset.lengths.tokens
    training = _training(config, processes, config.batch.tokens)
    size = _size(config.model, config.lora)

    def facts() -> Facts:
        yield from _model_facts(config.model, size)
        yield "episodes", f"{len(dataset):,}, {len(dataset.left_out):,} left out"
        yield "an episode", f"{tokens.mean():,.0f} tokens, {tokens.max():,} at most"
        learned = dataset.lengths.trained.sum() / tokens.sum()
        yield "learned from", f"{learned:.0%} of the tokens"
        yield "steps", f"{steps:,} of {config.batch.episodes} episodes; {schedule.kind}"
        yield "", f"{loader.steps_per_epoch:,} are one epoch"
        yield "processes", f"{processes}{_shared_out(training)}"
        yield from _memory_facts(size, training)
        of_step = float(tokens.mean()) * config.batch.episodes
        operations = compute_of(size, learned=of_step, checkpointed=training.checkpointed)
        yield from _time_facts([operations], training, steps)
        yield from _missing(config.model, config.lora)

    _print(screen, facts())


def _training(
    config: SftConfig | GrpoConfig, processes: int, pass_tokens: int, copies: int = 0
) -> Training:
    return Training(
        processes=processes,
        pass_tokens=pass_tokens,
        bf16=config.precision.autocast == "bf16",
        checkpointed=config.model.gradient_checkpointing,
        deepspeed=_deepspeed(config.deepspeed, config.optimizer.max_gradient_norm),
        copies=copies,
    )


def tell_of_grpo(config: GrpoConfig, processes: int, screen: Console) -> None:
    """Say what a run of reinforcement learning would do; its first question is asked.

    Raises: InvalidRequest; MeshFault, CannotStart, where there are no tools.
    """
    opened = checked(config)
    copies = int(bool(config.loss.kl_weight) and not config.lora.rank)
    training = _training(config, processes, config.update.tokens, copies)
    _refuse_what_cannot_play(config, training)
    size = _size(config.model, config.lora)
    tools, sample = asyncio.run(_first_question(config, opened, screen))
    _print(screen, _grpo_facts(config, opened, training, size, tools, sample))


def _grpo_facts(
    config: GrpoConfig,
    opened: OpenedTask,
    training: Training,
    size: Size,
    tools: list[str],
    sample: TrainingSample,
) -> Facts:
    rollout, limits, steps = config.rollout, config.limits, config.schedule.steps or 0
    episodes = rollout.groups * rollout.group_size
    questions = min(len(opened.task.samples), config.limit or len(opened.task.samples))
    yield from _model_facts(config.model, size)
    yield "questions", f"{questions:,} of {opened.task.name} {opened.task.version}"
    drawn = min(steps * rollout.groups, questions)
    rounds = steps * rollout.groups / questions
    yield (
        "",
        f"{drawn:,} of them are asked, {rounds:.2g} times each"
        if rounds > 1
        else (f"{drawn:,} of them are asked"),
    )
    yield "tools", ", ".join(tools) or "none"
    prompt = len(sample) - int(sample.trained.sum())
    yield "the first question", f"{prompt:,} tokens, {sample.image_tokens:,} of them of images"
    yield "steps", f"{steps:,} of {rollout.groups} questions × {rollout.group_size} episodes"
    yield "", f"{steps * episodes:,} episodes in all; {config.schedule.kind}"
    written = min(limits.max_turns * limits.max_turn_tokens, limits.max_context_tokens)
    yield "an episode", f"{written:,} tokens written at most, in {limits.max_turns} turns"
    yield "", f"{limits.max_context_tokens:,} with all that it is shown"
    yield "tokens written", f"{steps * episodes * written:,} at most"
    yield "played by", _engine(config)
    yield "processes", f"{training.processes}{_shared_out(training)}"
    yield from _memory_facts(size, training)
    if rollout.engine == "vllm":
        yield "", f"and vLLM {rollout.vllm.memory_share:.0%} of the GPU"
    ends = [
        compute_of(
            size,
            learned=episodes * context * config.update.times,
            written=episodes * context,
            checkpointed=training.checkpointed,
        )
        for context in (len(sample), limits.max_context_tokens)
    ]
    yield from _time_facts(ends, training, steps)
    yield from _missing(config.model, config.lora, config.rollout.engine)


def _engine(config: GrpoConfig) -> str:
    rollout = config.rollout
    if rollout.engine == "vllm-server":
        return f"vLLM at {rollout.base_url}"
    return "vLLM, beside the trainer" if rollout.engine == "vllm" else "the model that is trained"


def _refuse_what_cannot_play(config: GrpoConfig, training: Training) -> None:
    if config.rollout.engine == "transformers" and training.zero_stage == 3:
        raise InvalidRequest.field(
            "rollout.engine", "with ZeRO-3 no process has the whole model: take vllm, or zero2"
        )


async def _first_question(
    config: GrpoConfig, opened: OpenedTask, screen: Console
) -> tuple[list[str], TrainingSample]:
    """The tools, and the first question's episode where it is answered at once."""
    asked = run_config(config)
    dialect = dialect_of(asked.policy)
    async with Surroundings(asked, Rank(), screen.print) as surroundings:
        mesh = await surroundings.mesh()
        tools = await offered(config.rollout.tools, opened.task.tools, mesh)
        check_naming(config.naming, tools)
        answer = dialect.write(Reply("", answer="?"))
        policy = ScriptedPolicy([answer], max_image_pixels=config.rollout.max_image_pixels)
        with ThreadPoolExecutor(1, "samples") as maker:
            setting = EpisodeSetting(
                Questions(opened.task, maker),
                PolicyPool([policy]),
                mesh,
                config.limits,
                dialect,
                tools,
                config.retry,
            )
            index = open_order(config, opened).at(0).index
            return [tool.name for tool in tools], _sample(config, await setting.answer(index))


def _sample(config: GrpoConfig, trajectory: Trajectory) -> TrainingSample:
    if trajectory.stop is StopReason.ABORTED:
        raise Unavailable(f"the first question was broken off: {trajectory.stop_detail}")
    try:
        return sample_of(
            trajectory,
            chat_of(config.model.path),
            trajectory.pictures.get,
            source=trajectory.sample_id,
            max_pixels=config.rollout.max_image_pixels,
            tokens="text",
        )
    except BadSample as problem:
        raise InvalidRequest.field(
            "model.path", f"the first question does not fit this model: {problem}"
        ) from problem


def _size(model: ModelSection, lora: LoraSection) -> Size:
    four_bits = bool(lora.rank) and lora.quantize == "4bit"
    return size_of(weightless_model(model, lora), four_bits=four_bits)


def _deepspeed(section: DeepspeedSection, max_gradient_norm: float) -> Mapping[str, Any]:
    return deepspeed_config(section, max_gradient_norm) if section.config else {}


def _model_facts(model: ModelSection, size: Size) -> Facts:
    share = "all" if size.trained == size.parameters else f"{size.trained:,}"
    yield "model", f"{model.path}, {size.parameters:,} parameters, {share} of them trained"


def _shared_out(training: Training) -> str:
    if not training.zero_stage:
        return ""
    return f", ZeRO-{training.zero_stage}{' with offload' if training.offloads else ''}"


def _memory_facts(size: Size, training: Training) -> Facts:
    parts = {name: nbytes for name, nbytes in memory_of(size, training).items() if nbytes}
    if training.offloads:
        away = parts.pop("optimizer")
        yield "main memory", f"{away / GIB:.2f} GiB of each process, of the optimizer"
    told = ", ".join(f"{name} {nbytes / GIB:.2f}" for name, nbytes in parts.items())
    yield "memory", f"about {sum(parts.values()) / GIB:.2f} GiB of each process, at most"
    yield "", told


def _time_facts(operations: list[float], training: Training, steps: int) -> Facts:
    """From the least to the most."""
    fastest = _operations_a_second(bf16=training.bf16)
    for name, flops in (("H100", H100_FLOPS), ("what is here", fastest)):
        seconds = [seconds_for(one, training.processes, flops) for one in operations]
        hours = [one * steps / 3600 for one in seconds]
        words = f"{_ends(seconds)} s a step, {_ends(hours)} h in all"
        yield "" if name != "H100" else "computing", f"on {training.processes} × {name}: {words}"
    yield "", "without tools, evaluations, and what a policy waits for"


def _ends(values: list[float]) -> str:
    shown = (f"{one:,.0f}" if one >= 10 else f"{one:.2g}" for one in (values[0], values[-1]))
    return " to ".join(dict.fromkeys(shown))


def _operations_a_second(*, bf16: bool, size: int = 1024) -> float:
    """Of this process's device, in a product of matrices."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    one = torch.randn(size, size, device=device, dtype=torch.bfloat16 if bf16 else torch.float32)
    best = math.inf
    for _ in range(5):
        began = time.perf_counter()
        (one @ one).sum().item()
        best = min(best, time.perf_counter() - began)
    return 2 * size**3 / best


def _missing(model: ModelSection, lora: LoraSection, engine: str = "") -> Facts:
    """What the run needs and this machine lacks."""
    if model.attention == "flash_attention_2" and not is_flash_attn_2_available():
        yield "not here", "flash-attn, for model.attention; sdpa needs nothing"
    if lora.rank and lora.quantize != "no" and find_spec("bitsandbytes") is None:
        yield "not here", "bitsandbytes, for lora.quantize"
    if engine == "vllm" and find_spec("vllm") is None:
        yield "not here", "vLLM, for rollout.engine: pip install 'thinkimg-rpc[train,vllm]'"


def _print(screen: Console, facts: Facts) -> None:
    table = new_table("", "")
    table.show_header = False
    table.columns[1].justify = "left"
    table.columns[1].overflow = "fold"
    for name, words in facts:
        table.add_row(name, words)
    screen.print(table, markup=False, highlight=False)
