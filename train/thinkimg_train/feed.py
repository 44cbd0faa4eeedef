"""What the next steps take, made ready while the model is busy with this one."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import torch

from thinkimg_train.bad_data import LeftOut
from thinkimg_train.batches import Batch
from thinkimg_train.loader import Step
from thinkimg_train.losses.trained_tokens import Targets, targets_of

T = TypeVar("T")

BATCHES_AHEAD = 4
"""All of a step with many large images would take too much memory."""


@dataclass(frozen=True)
class Ready:
    """One batch of a step, with what is asked of it."""

    step: Step
    inputs: dict[str, torch.Tensor]
    targets: Targets
    tokens: int
    """In it, without what only fills rows up."""
    left_out: tuple[LeftOut, ...]
    last: bool
    """Whether it ends the step."""

    def to(
        self, device: torch.device, pixels: torch.dtype
    ) -> tuple[dict[str, torch.Tensor], Targets]:
        """What the model takes, its pictures in the type `pixels`, and what is asked of it."""
        inputs = {
            name: value.to(
                device, pixels if value.is_floating_point() else value.dtype, non_blocking=True
            )
            for name, value in self.inputs.items()
        }
        return inputs, self.targets.to(device)


def ready_batches(steps: Iterable[Step], *, pin_memory: bool) -> Generator[Ready]:
    """The batches of all steps in order, made in another thread. Close it when done."""
    return ahead(_in_order(steps, pin_memory=pin_memory), BATCHES_AHEAD)


def ahead(items: Iterable[T], count: int) -> Generator[T]:
    """The same items, with up to `count` of them made before they are asked for."""
    remaining = iter(items)
    with ThreadPoolExecutor(1, "feed") as thread:
        made: deque[Future[T | None]] = deque()

        def make_one() -> None:
            made.append(thread.submit(next, remaining, None))

        for _ in range(count):
            make_one()
        try:
            while (item := made.popleft().result()) is not None:
                make_one()
                yield item
        finally:
            thread.shutdown(cancel_futures=True)


def _in_order(steps: Iterable[Step], *, pin_memory: bool) -> Iterator[Ready]:
    for step in steps:
        before: Batch | None = None
        for batch in step.batches:
            if before is not None:
                yield _ready(step, before, pin_memory=pin_memory, last=False)
            before = batch
        if before is not None:
            yield _ready(step, before, pin_memory=pin_memory, last=True)


def _ready(step: Step, batch: Batch, *, pin_memory: bool, last: bool) -> Ready:
    targets = targets_of(batch.inputs["input_ids"], batch.trained)
    tokens = int(batch.inputs["attention_mask"].sum())
    inputs = batch.pin_memory().inputs if pin_memory else batch.inputs
    return Ready(step, inputs, targets, tokens, batch.left_out, last)
