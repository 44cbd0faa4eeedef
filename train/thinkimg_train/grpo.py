"""`thinkimg train grpo`: a policy plays episodes with the tools, and learns from how they went.

One process, or several that `accelerate launch -m thinkimg_train.grpo …` or `torchrun
… -m thinkimg_train.grpo …` start. The same command goes on where a run was broken off.

OUT/run.json                the configuration, the task, the commit
OUT/log.jsonl               what was noted of each step; also in OUT/tensorboard
OUT/rollouts/step_N/        some episodes of a step, for `thinkimg view`
OUT/checkpoints/step_N/     what a run goes on from; `model` in it can be used as it is
OUT/evaluations/step_N/     what checkpoints answered, as `thinkimg eval run` writes it
OUT/model/                  what came out: for `from_pretrained`, and for vLLM
OUT/adapter/                with LoRA: what was trained of it
"""

from __future__ import annotations

import json
import math
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec
from accelerate import Accelerator
from rich.console import Console

from thinkimg_agent.policies.vocabulary import end_tokens, never_sampled
from thinkimg_agent.trajectory_file import TrajectoryWriter
from thinkimg_eval.tasks import OpenedTask
from thinkimg_rpc.cli import main as program
from thinkimg_rpc.errors import InvalidRequest
from thinkimg_train.chat import chat_of, padding_of
from thinkimg_train.checkpoints import Checkpoints, load_random_state, step_of
from thinkimg_train.distribution import Stepper, accelerator_of, adamw, choose_device, zero_stage
from thinkimg_train.evaluation import check_evaluation
from thinkimg_train.grpo_config import GrpoConfig
from thinkimg_train.learning import Learned, Learner, Sampling
from thinkimg_train.loading import load_model, load_processor
from thinkimg_train.logbook import NUMBERS, Logbook, read_numbers
from thinkimg_train.losses.policy_gradient import loss_of
from thinkimg_train.origin import begin_run, rl_origin_of
from thinkimg_train.reference import open_reference
from thinkimg_train.rewards.weighing import check_rewards
from thinkimg_train.rollouts.gathering import Gathered, Gatherer
from thinkimg_train.rollouts.loop import LoopThread
from thinkimg_train.rollouts.merged_weights import merged_weights
from thinkimg_train.rollouts.numbers import numbers_of
from thinkimg_train.rollouts.opening import (
    TrainerRank,
    open_order,
    open_player,
    open_questions,
)
from thinkimg_train.rollouts.playing import Player
from thinkimg_train.saving import CHECKPOINTS, MODEL, Keeping
from thinkimg_train.schedule import learning_rate
from thinkimg_train.tripwires import Tripwires

ROLLOUTS = "rollouts"
_PLACE = "questions.json"


def train(config: GrpoConfig, screen: Console) -> Path:
    """Make a run, or finish it where it was begun; the folder of the model that came out.

    Raises: InvalidRequest, when it cannot be made as it is asked for; MeshFault, CannotStart
    and PolicyFault, when it cannot go on.
    """
    opened = checked(config)
    accelerator = accelerator_of(config)
    if not accelerator.is_main_process:
        screen = Console(quiet=True)
    if config.rollout.engine == "transformers" and zero_stage(accelerator) == 3:
        raise InvalidRequest.field(
            "rollout.engine", "with ZeRO-3 no process has the whole model: take vllm, or zero2"
        )
    checkpoints = Checkpoints(config.out / CHECKPOINTS, config.checkpoint.keep)
    if accelerator.is_main_process:
        begin_run(config.out, rl_origin_of(config, opened, accelerator.num_processes))
        checkpoints.clear_leftovers()
    accelerator.wait_for_everyone()
    with open_run(config, opened, accelerator, checkpoints, screen) as run:
        _make_steps(run)
        return _finish(run)


def checked(config: GrpoConfig) -> OpenedTask:
    """All mistakes come out before anything is loaded. Raises: InvalidRequest."""
    check_evaluation(config.evaluation)
    check_rewards(config.reward)
    loss_of(config.loss)
    if config.schedule.steps is None:
        raise InvalidRequest.field("schedule.steps", "is missing; say for example 500")
    if config.rollout.ahead:
        _check_ahead(config)
    opened = open_questions(config)
    open_order(config, opened)
    return opened


def _check_ahead(config: GrpoConfig) -> None:
    if config.rollout.engine == "transformers":
        raise InvalidRequest.field(
            "rollout.ahead", "a model cannot play while it is changed: take vllm, or vllm-server"
        )
    if config.mismatch.level == "no":
        raise InvalidRequest.field(
            "mismatch.level",
            'is "no", and with rollout.ahead the policy that plays is an older one: say token',
        )


@dataclass(frozen=True)
class Run:
    """A run that is being made."""

    config: GrpoConfig
    accelerator: Accelerator
    loop: LoopThread
    player: Player
    gatherer: Gatherer
    learner: Learner
    keeping: Keeping
    stepper: Stepper
    logbook: Logbook
    tripwires: Tripwires
    first_step: int
    steps: int

    def is_due(self, made: int, every_steps: int) -> bool:
        """Whether something is to be done after so many steps, and after the last; 0: never."""
        return every_steps > 0 and (made % every_steps == 0 or made == self.steps)


@contextmanager
def open_run(
    config: GrpoConfig,
    opened: OpenedTask,
    accelerator: Accelerator,
    checkpoints: Checkpoints,
    screen: Console,
) -> Iterator[Run]:
    """With the model as it is now: that of the newest checkpoint, if there is one."""
    newest = checkpoints.newest()
    first = step_of(newest) if newest else 0
    # deepspeed's own checkpoint holds all of the weights, in more digits.
    saved = newest / MODEL if newest and not config.deepspeed.config else None
    model = load_model(config.model, config.lora, saved)
    chat = chat_of(config.model.path, segments_kept=4 * config.rollout.groups)
    scores_of = model.get_output_embeddings().weight
    vocabulary = getattr(scores_of, "ds_shape", scores_of.shape)[0]  # with ZeRO-3 it is elsewhere
    never = never_sampled(chat, vocabulary, end_tokens(chat, model.generation_config))
    stepper = Stepper(
        accelerator,
        model,
        adamw(model, config.optimizer),
        autocast=config.precision.autocast,
        max_gradient_norm=config.optimizer.max_gradient_norm,
    )
    learner = Learner(
        stepper,
        open_reference(config, accelerator, stepper),
        Sampling(config.rollout.temperature, never),
        padding=padding_of(chat),
        update=config.update,
        loss=config.loss,
        mismatch=config.mismatch,
        seed=config.seed,
    )
    rank = TrainerRank(accelerator)
    playing = open_player(config, opened, chat, never, stepper.inner_model, rank, screen.print)
    processor = load_processor(config.model.path)
    keeping = Keeping(config.out, accelerator, stepper, checkpoints, processor)
    with (
        LoopThread(partial(choose_device, accelerator.device)) as loop,
        loop.held(playing) as player,
    ):
        tripwires = Tripwires(
            config.tripwires, with_tools=bool(player.tools), before=_noted(config.out, first)
        )
        if newest:
            stepper.load(newest)
            load_random_state(newest, accelerator.process_index)
        with _open_logbook(config, accelerator, screen, first) as logbook:
            order = open_order(config, opened)
            gatherer = Gatherer(config, loop, player, order, stepper, rank, say=logbook.say)
            if newest:
                _go_on_from(gatherer, newest)
            parts = (accelerator, loop, player, gatherer, learner, keeping, stepper)
            with closing(gatherer):
                yield Run(config, *parts, logbook, tripwires, first, config.schedule.steps or 0)


def _open_logbook(
    config: GrpoConfig, accelerator: Accelerator, screen: Console, first_step: int
) -> Logbook:
    return Logbook(
        config.log,
        config.out if accelerator.is_main_process else None,
        screen,
        name=config.out.name,
        steps=config.schedule.steps or 0,
        first_step=first_step,
        config=msgspec.to_builtins(config, enc_hook=str),
    )


def _make_steps(run: Run) -> None:
    """The steps from the first that is still to be made to the last."""
    config = run.config
    if run.first_step and run.is_due(run.first_step, config.evaluation.every_steps):
        _evaluate(run, run.first_step)  # it may have been broken off in there
    for step in range(run.first_step, run.steps):
        _make_step(run, step)
        made = step + 1
        evaluated = run.is_due(made, config.evaluation.every_steps)
        if evaluated or made == run.steps or run.is_due(made, config.checkpoint.every_steps):
            run.keeping.write(made, lambda folder: _write_place(run, folder))
        if evaluated:
            _evaluate(run, made)


def _make_step(run: Run, step: int) -> None:
    """Play the episodes of a step with the policy as it is, and learn from them."""
    began = time.perf_counter()
    gathered = play_step(run, step)
    if run.config.rollout.ahead and step + 1 < run.steps:
        _begin_rollouts(run, step)
    played_s = time.perf_counter() - began
    if run.is_due(step + 1, run.config.trajectories.every_steps):
        _write_episodes(run, gathered, step + 1)
    rate = learning_rate(run.config.schedule, step, run.steps)
    learned = _learn(run, gathered, step, rate)
    episodes = numbers_of(gathered.played)
    seconds = time.perf_counter() - began
    numbers = {
        **episodes,
        **learned.numbers,
        "loss": learned.loss,
        "gradient_norm": learned.gradient_norm,
        "learning_rate": rate,
        "tokens_per_s": episodes["sampled_tokens"] / seconds,
        "seconds": seconds,
        "rollout_s": played_s,
        "paused_s": gathered.paused_s,
        "update_s": seconds - played_s,
    }
    if run.logbook.wants(step):
        run.logbook.note_step(step, numbers)
    for words in run.tripwires.look(numbers):
        run.logbook.say(f"step {step + 1}, {words}")


def play_step(run: Run, step: int) -> Gathered:
    """The episodes of a step; played now, with the policy as it is, unless they were begun."""
    if not run.gatherer.has_begun:
        _begin_rollouts(run, step)
    return run.gatherer.gather()


def _begin_rollouts(run: Run, step: int) -> None:
    """The next episodes, with the policy as it is after so many steps."""
    run.loop.run(run.player.engine.follow(lambda: merged_weights(run.stepper.inner_model), step))
    run.gatherer.begin()


def _learn(run: Run, gathered: Gathered, step: int, rate: float) -> Learned:
    """Raises: ArithmeticError, when the loss is no number any more."""
    lessons = [lesson for group in gathered.groups for lesson in group.lessons]
    others = [lesson for group in gathered.replaced for lesson in group.lessons]
    learned = run.learner.learn(lessons, [one.sample for one in (*lessons, *others)], step, rate)
    if not math.isfinite(learned.loss):
        raise ArithmeticError(
            f"the loss of step {step + 1} is {learned.loss}: lower schedule.learning_rate; the "
            f"newest checkpoint is {run.keeping.checkpoints.newest()}"
        )
    return learned


def _write_episodes(run: Run, gathered: Gathered, made: int) -> None:
    """Some groups of a step, each episode with its score, for people to look at."""
    if not run.accelerator.is_main_process:
        return
    folder = run.config.out / ROLLOUTS / f"step_{made:07d}"
    shutil.rmtree(folder, ignore_errors=True)  # of a run that was broken off
    with TrajectoryWriter(folder) as writer:
        for one in gathered.played[: run.config.trajectories.groups]:
            for episode in one.group.episodes:
                writer.add(episode.trajectory)


def _noted(out: Path, first_step: int) -> list[dict[str, float]]:
    """What was noted of the steps before, by the first process, for all to see."""
    file = out / NUMBERS
    lines = read_numbers(file) if file.exists() else []
    return [line for line in lines if line["step"] < first_step and "reward" in line]


def _write_place(run: Run, folder: Path) -> None:
    """Where a run is in its questions."""
    rates = run.gatherer.order.pass_rates
    place = {"next": run.gatherer.next_draw, "pass_rates": list(rates.items())}
    (folder / _PLACE).write_text(json.dumps(place), encoding="utf-8")


def _go_on_from(gatherer: Gatherer, checkpoint: Path) -> None:
    place = json.loads((checkpoint / _PLACE).read_text(encoding="utf-8"))
    gatherer.next_draw = int(place["next"])
    gatherer.order.pass_rates = {int(index): rate for index, rate in place["pass_rates"]}


def _evaluate(run: Run, made: int) -> None:
    """What the checkpoint after `made` steps answers; all processes share the questions."""
    if numbers := run.keeping.evaluated(made, run.config.evaluation):
        run.logbook.note(made - 1, numbers)
        said = ", ".join(f"{name} {value:.3g}" for name, value in numbers.items())
        run.logbook.say(f"after step {made}: {said}")


def _finish(run: Run) -> Path:
    """What came out, as a model like any other; from the last checkpoint."""
    model = run.keeping.finish(run.steps, run.config.model, run.config.lora)
    run.logbook.say(f"the model is in {model}")
    return model


if __name__ == "__main__":
    # What `thinkimg train grpo` is, for launchers that start modules.
    sys.exit(program(["train", "grpo", *sys.argv[1:]]))
