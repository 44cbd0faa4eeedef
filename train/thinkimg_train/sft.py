"""`thinkimg train sft`: a model learns to write what the assistant wrote, and nothing else.

One process, or several that `accelerate launch -m thinkimg_train.sft …` or `torchrun
… -m thinkimg_train.sft …` start. The same command goes on where a run was broken off.

OUT/run.json              the configuration, what it was trained on, the commit
OUT/log.jsonl             what was noted of each step; also in OUT/tensorboard
OUT/checkpoints/step_N/   what a run goes on from; `model` in it can be used as it is
OUT/evaluations/step_N/   what checkpoints answered, as `thinkimg eval run` writes it
OUT/model/                what came out: for `from_pretrained`, and for vLLM
OUT/adapter/              with LoRA: what was trained of it
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import torch
from accelerate import Accelerator
from rich.console import Console

from thinkimg_rpc.cli import main as program
from thinkimg_rpc.errors import InvalidRequest
from thinkimg_train.checkpoints import Checkpoints, load_random_state, step_of
from thinkimg_train.config import SftConfig
from thinkimg_train.dataset import EpisodeDataset
from thinkimg_train.distribution import Stepper, accelerator_of, adamw, zero_stage
from thinkimg_train.evaluation import check_evaluation
from thinkimg_train.feed import Ready, ready_batches
from thinkimg_train.loader import Position, StepLoader
from thinkimg_train.loading import load_model, load_processor
from thinkimg_train.logbook import Logbook
from thinkimg_train.losses.trained_tokens import sum_loss, trained_logprobs
from thinkimg_train.opening import open_data
from thinkimg_train.origin import begin_run, origin_of
from thinkimg_train.saving import CHECKPOINTS, MODEL, Keeping
from thinkimg_train.schedule import learning_rate


def train(config: SftConfig, screen: Console) -> Path:
    """Make a run, or finish it where it was begun; the folder of the model that came out.

    Raises: InvalidRequest, when it cannot be made as it is asked for.
    """
    check_evaluation(config.evaluation)
    accelerator = accelerator_of(config)
    if not accelerator.is_main_process:
        screen = Console(quiet=True)
    dataset = _open_dataset(config, accelerator, screen)
    loader = StepLoader(
        dataset,
        config.batch,
        seed=config.seed,
        rank=accelerator.process_index,
        ranks=accelerator.num_processes,
        workers=config.data.workers,
    )
    checkpoints = Checkpoints(config.out / CHECKPOINTS, config.checkpoint.keep)
    if accelerator.is_main_process:
        begin_run(config.out, origin_of(config, dataset, accelerator.num_processes))
        checkpoints.clear_leftovers()
    accelerator.wait_for_everyone()

    run = _open_run(config, accelerator, loader, checkpoints, screen)
    with run.logbook:
        _make_steps(run)
        return _finish(run)


@dataclass(frozen=True)
class _Run:
    """A run that is being made."""

    config: SftConfig
    accelerator: Accelerator
    loader: StepLoader
    keeping: Keeping
    stepper: Stepper
    logbook: Logbook
    first_step: int
    steps: int

    def is_due(self, made: int, every_steps: int) -> bool:
        """Whether something is to be done after so many steps, and after the last; 0: never."""
        return every_steps > 0 and (made % every_steps == 0 or made == self.steps)


def _open_dataset(config: SftConfig, accelerator: Accelerator, screen: Console) -> EpisodeDataset:
    # The first process looks through the files, the others find what it has written down.
    with accelerator.main_process_first():
        dataset = open_data(config.data, config.model.path, screen)
    with_images = dataset.lengths.image_tokens > 0
    if zero_stage(accelerator) == 3 and with_images.any() and not with_images.all():
        raise InvalidRequest.field(
            "deepspeed.config",
            "with ZeRO-3 all episodes must have images, or none: processes would wait for "
            "each other without end; take zero2, or other data",
        )
    return dataset


def _open_run(
    config: SftConfig,
    accelerator: Accelerator,
    loader: StepLoader,
    checkpoints: Checkpoints,
    screen: Console,
) -> _Run:
    """With the model as it is now: that of the newest checkpoint, if there is one."""
    newest = checkpoints.newest()
    first = step_of(newest) if newest else 0
    # deepspeed's own checkpoint holds all of the weights, in more digits.
    saved = newest / MODEL if newest and not config.deepspeed.config else None
    model = load_model(config.model, config.lora, saved)
    stepper = Stepper(
        accelerator,
        model,
        adamw(model, config.optimizer),
        autocast=config.precision.autocast,
        max_gradient_norm=config.optimizer.max_gradient_norm,
    )
    if newest:
        stepper.load(newest)
        load_random_state(newest, accelerator.process_index)
        place = divmod(first, loader.steps_per_epoch)
        loader.go_on_from(Position(*place, loader.position.data))
    steps = config.schedule.steps or math.ceil(config.schedule.epochs * loader.steps_per_epoch)
    logbook = Logbook(
        config.log,
        config.out if accelerator.is_main_process else None,
        screen,
        name=config.out.name,
        steps=steps,
        first_step=first,
        config=msgspec.to_builtins(config, enc_hook=str),
    )
    processor = load_processor(config.model.path)
    keeping = Keeping(config.out, accelerator, stepper, checkpoints, processor)
    return _Run(config, accelerator, loader, keeping, stepper, logbook, first, steps)


def _make_steps(run: _Run) -> None:
    """The steps from the first that is still to be made to the last."""
    config, pin_memory = run.config, run.accelerator.device.type == "cuda"
    if run.first_step and run.is_due(run.first_step, config.evaluation.every_steps):
        _evaluate(run, run.first_step)  # it may have been broken off in there
    with closing(ready_batches(run.loader.steps(), pin_memory=pin_memory)) as batches:
        for step in range(run.first_step, run.steps):
            _make_step(run, step, batches)
            made = step + 1
            evaluated = run.is_due(made, config.evaluation.every_steps)
            if evaluated or made == run.steps or run.is_due(made, config.checkpoint.every_steps):
                run.keeping.write(made)
            if evaluated:
                _evaluate(run, made)


def _make_step(run: _Run, step: int, batches: Iterator[Ready]) -> None:
    """One step of the optimizer, on all batches that belong to it."""
    if run.logbook.wants(step) and run.accelerator.device.type == "cuda":
        torch.cuda.synchronize()  # what is still to be done of steps before is not this one's
    began, waited_s, tokens, left_out = time.perf_counter(), 0.0, 0, 0

    def of_this_step() -> Iterator[tuple[Ready, bool]]:
        nonlocal waited_s, tokens, left_out
        last = False
        while not last:
            asked = time.perf_counter()
            batch = next(batches)
            waited_s += time.perf_counter() - asked
            tokens += batch.tokens
            left_out += len(batch.left_out)
            for one in batch.left_out:
                run.logbook.say(f"left out after all: {one}")
            for one in batch.left_out:  # on whichever process: each sees its own
                print(f"left out: {one}", file=sys.stderr)
            last = batch.last
            yield batch, last

    def loss_of(model: Any, batch: Ready) -> torch.Tensor:
        """This batch's share of the mean over the trained tokens of the step."""
        inputs, targets = batch.to(run.accelerator.device, run.stepper.pixels)
        return sum_loss(trained_logprobs(model, inputs, targets), batch.step.trained_tokens)

    rate = learning_rate(run.config.schedule, step, run.steps)
    loss, norm = run.stepper.step(of_this_step(), loss_of, rate)
    if not run.logbook.wants(step):
        return
    # One look at the device for all numbers: it has nothing to do while it is looked at.
    local = torch.stack([loss, loss.new_tensor(tokens), loss.new_tensor(left_out)])
    mean, all_tokens, all_left_out = run.stepper.sum_over_all(local.double()).tolist()
    seconds = time.perf_counter() - began
    numbers = {
        "loss": mean,
        "learning_rate": rate,
        "gradient_norm": float(norm),
        "tokens_per_s": all_tokens / seconds,
        "seconds": seconds,
        "waited_for_data_s": waited_s,
        "left_out": all_left_out,
    }
    run.logbook.note_step(step, numbers)
    if not math.isfinite(mean):
        raise ArithmeticError(
            f"the loss of step {step + 1} is {mean}: lower schedule.learning_rate; the newest "
            f"checkpoint is {run.keeping.checkpoints.newest()}"
        )


def _evaluate(run: _Run, made: int) -> None:
    """What the checkpoint after `made` steps answers; all processes share the questions."""
    if numbers := run.keeping.evaluated(made, run.config.evaluation):
        run.logbook.note(made - 1, numbers)
        said = ", ".join(f"{name} {value:.3g}" for name, value in numbers.items())
        run.logbook.say(f"after step {made}: {said}")


def _finish(run: _Run) -> Path:
    """What came out, as a model like any other; from the last checkpoint."""
    model = run.keeping.finish(run.steps, run.config.model, run.config.lora)
    run.logbook.say(f"the model is in {model}")
    return model


if __name__ == "__main__":
    # What `thinkimg train sft` is, for launchers that start modules.
    sys.exit(program(["train", "sft", *sys.argv[1:]]))
