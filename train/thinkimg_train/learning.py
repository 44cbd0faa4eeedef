"""A step of the policy: how its tokens fared, and the gradient of that."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from accelerate.utils import gather_object

from thinkimg_train.batches import Batch, collate
from thinkimg_train.distribution import Stepper
from thinkimg_train.grpo_config import UpdateSection
from thinkimg_train.losses.entropy import token_entropies
from thinkimg_train.losses.mismatch import truncated_weights
from thinkimg_train.losses.overlong import without_overlong
from thinkimg_train.losses.policy_batch import PolicyBatch, StepSize, in_rows
from thinkimg_train.losses.policy_gradient import loss_of
from thinkimg_train.losses.settings import LossSection, MismatchSection
from thinkimg_train.losses.statistics import Tally, tally
from thinkimg_train.losses.trained_tokens import Targets, logprobs_of, targets_of, trained_scores
from thinkimg_train.plan import Bounds, Lengths, batches_of
from thinkimg_train.samples import TrainingSample

Reference = Callable[[], AbstractContextManager[Any]]
"""Gives the model that the policy is to stay close to, while it is open."""


@dataclass(frozen=True)
class Lesson:
    """One episode, and how much better it went than the others of its group."""

    sample: TrainingSample
    advantage: float
    sampler_logprobs: Sequence[float]
    """(n,) of the tokens that were sampled, as the sampler gave them; NaN: it gave none."""
    cut_off: bool
    """Whether it ran out of tokens."""


@dataclass(frozen=True)
class Sampling:
    """What the policy's scores become before a token is drawn from them."""

    temperature: float
    never: Sequence[int]
    """Tokens that are not drawn at all."""


@dataclass(frozen=True)
class _Pass:
    """What one forward takes, on the device, in (B, K) columns in which something is sampled."""

    inputs: dict[str, torch.Tensor]
    targets: Targets
    mask: torch.Tensor
    advantages: torch.Tensor
    sampler: torch.Tensor
    old: torch.Tensor | None = None
    """Log-probabilities before the step; None: this is the only look at them, so they are those
    of now."""
    reference: torch.Tensor | None = None


@dataclass(frozen=True)
class Learned:
    """What an update came to, over all processes."""

    loss: float
    gradient_norm: float
    numbers: dict[str, float]


@dataclass(frozen=True)
class Looked:
    """One pass of a step, to be looked at."""

    lessons: list[Lesson]
    """(B,)"""
    batch: Batch
    columns: dict[str, torch.Tensor]
    """(B, L) numbers of the tokens that were sampled, 0 elsewhere."""


class Learner:
    """Makes steps of one policy. All processes call it alike."""

    def __init__(
        self,
        stepper: Stepper,
        reference: Reference | None,
        sampling: Sampling,
        *,
        padding: int,
        update: UpdateSection,
        loss: LossSection,
        mismatch: MismatchSection,
        seed: int,
    ) -> None:
        self._stepper = stepper
        self._reference = reference
        self._sampling = sampling
        self._never = torch.tensor(sampling.never, dtype=torch.long)
        self._padding = padding
        self._update = update
        self._loss, self._function = loss, loss_of(loss)
        self._mismatch = mismatch
        self._seed = seed

    def learn(
        self,
        lessons: Sequence[Lesson],
        stand_ins: Sequence[TrainingSample],
        step: int,
        rate: float,
    ) -> Learned:
        """Learn from the episodes of a step.

        Args:
            stand_ins: what this process may compute with where others have more batches; if it
                has none, it is lent one of theirs.
            step: counted from 0; the order of the parts follows from it.
            rate: the learning rate.
        """
        parts = [self._passes(part, stand_ins) for part in self._parts(lessons, step)]
        sizes = [self._size(part) for part in parts]
        if not any(size.tokens for size in sizes):
            return Learned(0.0, 0.0, {})
        parts = [[self._looked_at(one) for one in part] for part in parts]
        self._stepper.model.train()
        losses, norms, tallies = [], [], []
        for _ in range(self._update.times):
            for part, size in zip(parts, sizes, strict=True):
                if not size.tokens:
                    continue
                made: list[Tally] = []
                loss, norm = self._stepper.step(_with_last(part), self._of(size, made), rate)
                losses.append(loss)
                norms.append(norm)
                tallies += made
        mean_loss = self._stepper.sum_over_all(torch.stack(losses).mean())
        return Learned(
            loss=float(mean_loss),
            gradient_norm=float(torch.stack(norms).mean()),
            numbers=self._over_all(tallies).numbers(),
        )

    def look(self, lessons: Sequence[Lesson], number: int) -> Looked | None:
        """Pass number `number` of a step, from 0, without learning; None: there are fewer."""
        batches = self._batches(lessons)
        if number >= len(batches):
            return None
        chosen = [lessons[n] for n in batches[number]]
        batch = collate([one.sample for one in chosen], self._padding)
        one = self._pass(chosen)
        self._stepper.model.eval()
        now = self._logprobs(self._stepper.model, one)
        known = {
            "advantage": one.advantages[:, None].expand_as(now),
            "logprob": now,
            "sampler's logprob": one.sampler,
            "ratio to the sampler": (now - one.sampler).exp(),
            "learned from": one.mask.float(),
        }
        if self._reference is not None:
            with self._reference() as model:
                known["reference's logprob"] = self._logprobs(model, one)
        # A token's scores stand in the column before it.
        places = one.targets.columns.cpu() + 1
        columns = {}
        for name, values in known.items():
            columns[name] = torch.zeros(batch.trained.shape)
            columns[name][:, places] = torch.where(one.mask, values, 0.0).cpu()
        return Looked(chosen, batch, columns)

    def _parts(self, lessons: Sequence[Lesson], step: int) -> list[list[Lesson]]:
        """The lessons of each step of the optimizer."""
        count = self._update.parts
        if count == 1:
            return [list(lessons)]
        order = np.random.default_rng([self._seed, step]).permutation(len(lessons))
        return [[lessons[n] for n in order[start::count]] for start in range(count)]

    def _passes(
        self, lessons: Sequence[Lesson], stand_ins: Sequence[TrainingSample]
    ) -> list[_Pass]:
        """Lessons in batches, as many in each process."""
        passes = [self._pass([lessons[n] for n in batch]) for batch in self._batches(lessons)]
        device = self._stepper.device
        most = int(self._stepper.largest_over_all(torch.tensor([len(passes)], device=device)))
        stand_in = self._stand_in(stand_ins, missing=most - len(passes))
        while stand_in is not None and len(passes) < most:
            nothing = Lesson(stand_in, 0.0, [0.0] * int(stand_in.trained.sum()), cut_off=False)
            passes.append(self._pass([nothing], counts=False))
        return passes

    def _stand_in(
        self, samples: Sequence[TrainingSample], *, missing: int
    ) -> TrainingSample | None:
        """What this process computes with where others have more batches: the shortest of its
        own, or another's, where none of its episodes was fit; None: there is none at all."""
        lacking = torch.tensor([missing > 0 and not samples], device=self._stepper.device)
        own = min(samples, key=len, default=None)
        if not self._stepper.largest_over_all(lacking.long()).item():
            return own
        every: list[TrainingSample] = gather_object([own] if own is not None else [])
        return own if own is not None else min(every, key=len, default=None)

    def _batches(self, lessons: Sequence[Lesson]) -> list[list[int]]:
        """The numbers of the lessons of each pass."""
        lengths = Lengths(
            np.array([len(one.sample) for one in lessons], np.int64),
            np.array([one.sample.image_tokens for one in lessons], np.int64),
            np.array([int(one.sample.trained.sum()) for one in lessons], np.int64),
        )
        bounds = Bounds(len(lessons), self._update.tokens, self._update.image_tokens)
        (batches,) = batches_of(range(len(lessons)), lengths, bounds, ranks=1)
        return batches

    def _pass(self, lessons: Sequence[Lesson], *, counts: bool = True) -> _Pass:
        batch = collate([one.sample for one in lessons], self._padding)
        if len(batch.sources) < len(lessons):
            raise ValueError(f"episodes do not fit into one batch: {batch.left_out[0]}")
        targets = targets_of(batch.inputs["input_ids"], batch.trained)
        given = torch.tensor([value for one in lessons for value in one.sampler_logprobs])
        sampler, mask = in_rows(given, targets, len(lessons))
        if self._update.skip_cut_off:
            mask = without_overlong(mask, torch.tensor([one.cut_off for one in lessons]))
        device = self._stepper.device
        return _Pass(
            inputs=self._stepper.placed(batch.inputs),
            targets=targets.to(device),
            mask=(mask & counts).to(device),
            advantages=torch.tensor([one.advantage for one in lessons], device=device),
            sampler=sampler.to(device),
        )

    def _size(self, part: Sequence[_Pass]) -> StepSize:
        """Of a step of the optimizer, over all processes."""
        counts = torch.zeros(2, dtype=torch.long, device=self._stepper.device)
        for one in part:
            counts += torch.stack([one.mask.any(-1).sum(), one.mask.sum()])
        episodes, tokens = self._stepper.sum_over_all(counts).tolist()
        return StepSize(int(episodes), int(tokens))

    def _looked_at(self, one: _Pass) -> _Pass:
        """With the log-probabilities that stay what they are while the policy changes."""
        if self._update.times * self._update.parts > 1:
            self._stepper.model.eval()
            one = replace(one, old=self._logprobs(self._stepper.model, one))
        if self._reference is not None:
            with self._reference() as model:
                one = replace(one, reference=self._logprobs(model, one))
        return one

    @torch.no_grad()
    def _logprobs(self, model: Any, one: _Pass) -> torch.Tensor:
        with self._stepper.autocast():
            logprobs = logprobs_of(self._scores(model, one), one.targets)
        return in_rows(logprobs, one.targets, len(one.mask))[0]

    def _scores(self, model: Any, one: _Pass) -> torch.Tensor:
        """(N, V) what the sampler drew the tokens from."""
        scores = trained_scores(model, one.inputs, one.targets)
        self._never = self._never.to(scores.device)
        # In place: with a large vocabulary they are the largest thing of the pass.
        return scores.div_(self._sampling.temperature).index_fill_(1, self._never, -torch.inf)

    def _of(self, size: StepSize, made: list[Tally]) -> Callable[[Any, _Pass], torch.Tensor]:
        def share(model: Any, one: _Pass) -> torch.Tensor:
            """This batch's share of the loss of the step."""
            scores = self._scores(model, one)
            rows = len(one.mask)
            now, _ = in_rows(logprobs_of(scores, one.targets), one.targets, rows)
            entropies, _ = in_rows(token_entropies(scores.detach()), one.targets, rows)
            old = now.detach() if one.old is None else one.old
            weights = truncated_weights(old, one.sampler, one.mask, self._mismatch)
            batch = PolicyBatch(now, old, one.mask, one.advantages, one.reference, weights)
            result = self._function(batch, self._loss, size)
            made.append(tally(batch, result, entropies=entropies, sampler_logprobs=one.sampler))
            return result.loss

        return share

    def _over_all(self, tallies: Sequence[Tally]) -> Tally:
        whole = tallies[0]
        for one in tallies[1:]:
            whole = whole + one
        return Tally(
            self._stepper.sum_over_all(whole.sums),
            self._stepper.sum_over_all(whole.counts),
            self._stepper.largest_over_all(whole.maxima),
        )


def _with_last(part: Sequence[_Pass]) -> Iterator[tuple[_Pass, bool]]:
    for number, one in enumerate(part):
        yield one, number == len(part) - 1
