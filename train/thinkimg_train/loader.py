"""Steps of batches, one after the other, for one rank of a training run."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from threading import Event
from typing import Any

import msgspec
import torch
from torch.utils.data import DataLoader, Dataset

from thinkimg_rpc.errors import InvalidRequest
from thinkimg_train.bad_data import LeftOut
from thinkimg_train.batches import Batch, collate, untrained
from thinkimg_train.chat import chat_of, padding_of
from thinkimg_train.data_config import BatchSection
from thinkimg_train.dataset import EpisodeDataset
from thinkimg_train.plan import Bounds, batches_of, steps_in_epoch, steps_of
from thinkimg_train.samples import TrainingSample

_READY_AHEAD = 2
"""Batches that each process has ready."""


class Position(msgspec.Struct, frozen=True):
    """Where a run is in its data: before a step of an epoch, both counted from 0."""

    epoch: int = 0
    step: int = 0
    data: str = ""
    """The fingerprint of what is trained on."""


@dataclass(frozen=True)
class Step:
    """One optimizer step of one rank."""

    epoch: int
    number: int
    """In the epoch, from 0."""
    batches: Iterator[Batch]
    """This rank's; each rank has as many."""
    trained_tokens: int
    """Of all batches of all ranks: what a sum of losses is divided by."""
    after: Position
    """Where a run goes on once this step is done."""

    @property
    def ends_epoch(self) -> bool:
        return self.after.step == 0


class StepLoader:
    """The steps of a run for rank `rank` of `ranks`, epoch after epoch.

    The samples of a step are the same whatever the ranks.

    Raises: InvalidRequest, when a sample can be longer than a batch.
    """

    def __init__(
        self,
        dataset: EpisodeDataset,
        batch: BatchSection,
        *,
        seed: int,
        rank: int = 0,
        ranks: int = 1,
        workers: int = 0,
    ) -> None:
        lengths = dataset.lengths
        for name, most, longest in (
            ("batch.tokens", batch.tokens, int(lengths.tokens.max())),
            ("batch.image_tokens", batch.image_tokens, int(lengths.image_tokens.max())),
        ):
            if longest > most:
                raise InvalidRequest.field(
                    name, f"the longest episode has {longest}: raise it, or lower data.max_tokens"
                )
        self._dataset = dataset
        self._bounds = Bounds(batch.episodes, batch.tokens, batch.image_tokens, batch.sorted_steps)
        self._seed = seed
        self._rank, self._ranks = rank, ranks
        self._workers = workers
        self.steps_per_epoch = steps_in_epoch(len(dataset), self._bounds)
        self.position = Position(data=dataset.fingerprint)
        """Where `steps` begins."""

    def go_on_from(self, position: Position) -> None:
        """Begin `steps` there: at the `after` of the last step that was done.

        Raises: InvalidRequest, when it is a place in other data.
        """
        if position.data != self.position.data:
            raise InvalidRequest.field(
                "data.trajectories",
                "a run goes on with the very episodes it began with, and these are others",
            )
        self.position = position

    def steps(self) -> Generator[Step]:
        """The steps from the beginning, or where the run goes on, without end.

        Take the batches of a step before the next step, and close it in the end.
        """
        start = self.position
        over = Event()
        ready = iter(self._batches(self._planned(start), over))
        for epoch, number, step, mine in self._planned(start):
            batches = (next(ready) for _ in mine)
            last = number + 1 == self.steps_per_epoch
            try:
                yield Step(
                    epoch=epoch,
                    number=number,
                    batches=batches,
                    trained_tokens=int(self._dataset.lengths.trained[step].sum()),
                    after=Position(*((epoch + 1, 0) if last else (epoch, number + 1)), start.data),
                )
            except GeneratorExit:
                # A process that ends while it hands over a tensor aborts, now and then.
                over.set()
                deque(ready, maxlen=0)
                raise
            for _ in batches:  # those that were not wanted
                pass

    def _planned(self, position: Position) -> Iterator[tuple[int, int, list[int], list[list[int]]]]:
        """(epoch, number, all samples, this rank's batches) of each step."""
        epoch, first = position.epoch, position.step
        lengths = self._dataset.lengths
        while True:
            steps = steps_of(lengths, self._bounds, self._seed, epoch)
            for number, step in enumerate(steps[first:], first):
                shares = batches_of(step, lengths, self._bounds, self._ranks)
                yield epoch, number, step, shares[self._rank]
            epoch, first = epoch + 1, 0

    def _batches(
        self, planned: Iterator[tuple[int, int, list[int], list[list[int]]]], over: Event
    ) -> DataLoader[Batch]:
        of_workers: dict[str, Any] = {}
        if self._workers:
            # Forked, they would inherit connections and threads that do not work there.
            of_workers = {"multiprocessing_context": "spawn", "prefetch_factor": _READY_AHEAD}
        return DataLoader(
            _Batches(self._dataset),
            batch_size=None,
            sampler=takewhile(
                lambda _: not over.is_set(),
                (batch for _, _, _, batches in planned for batch in batches),
            ),
            num_workers=self._workers,
            # Its own, so that it takes no random numbers from the model's.
            generator=torch.Generator(),
            **of_workers,
        )


class _Batches(Dataset[Batch]):
    """Batches by the numbers of their samples."""

    def __init__(self, dataset: EpisodeDataset) -> None:
        self._dataset = dataset

    def __getitem__(self, numbers: Sequence[int]) -> Batch:
        found = [self._dataset[number] for number in numbers]
        samples = [one for one in found if isinstance(one, TrainingSample)]
        left_out = [one for one in found if isinstance(one, LeftOut)]
        padding = padding_of(chat_of(self._dataset.model))
        if samples:
            return collate(samples, padding, left_out)
        return untrained(collate([self._stand_in()], padding, left_out))

    def _stand_in(self) -> TrainingSample:
        """What a rank computes with when it has nothing to learn from: the others wait for it."""
        for number in self._dataset.lengths.tokens.argsort(kind="stable").tolist():
            if isinstance(found := self._dataset[number], TrainingSample):
                return found
        raise InvalidRequest.field("data.trajectories", "not one episode is left to train on")
