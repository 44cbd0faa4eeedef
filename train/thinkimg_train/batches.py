"""Samples side by side, as a model takes them in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import torch

from thinkimg_agent.policies.pixel_features import joined, shape_of
from thinkimg_train.bad_data import LeftOut
from thinkimg_train.samples import Span, TrainingSample


@dataclass(frozen=True)
class Batch:
    """What one forward takes."""

    inputs: dict[str, torch.Tensor]
    """The model's own arguments: `input_ids` and `attention_mask`, (B, L), filled up on the
    right, what else it wants of each token, and the features of all images in order."""
    trained: torch.Tensor
    """(B, L) whether the assistant wrote a token, so that its probability is to rise."""
    sources: tuple[str, ...]
    """(B,) where each row comes from."""
    turns: tuple[tuple[Span, ...], ...] = ()
    """(B,) where the turns of the assistant stand in each row, trained on or not."""
    left_out: tuple[LeftOut, ...] = ()
    """What belongs in here and could not be used."""

    @property
    def trained_tokens(self) -> int:
        """How many tokens there are to learn from. The first of a row has nothing before it,
        and is none."""
        return int(self.trained[:, 1:].sum())

    def pin_memory(self) -> Self:
        inputs = {name: value.pin_memory() for name, value in self.inputs.items()}
        return replace(self, inputs=inputs, trained=self.trained.pin_memory())


def collate(
    samples: Sequence[TrainingSample], padding: int, left_out: Sequence[LeftOut] = ()
) -> Batch:
    """Samples in one batch, each with all or none of its images.

    `padding` is the token that rows are filled up with; nothing attends to it. A sample
    whose image features cannot stand beside the others' is left out, and the others stay.
    """
    kept, unfit = _that_fit(samples)
    rows = [sample.input_ids for sample in kept]
    inputs = {
        "input_ids": padded(rows, padding),
        "attention_mask": padded([torch.ones_like(row) for row in rows], 0),
    }
    for name in dict.fromkeys(name for sample in kept for name in sample.per_token):
        values = [s.per_token.get(name, torch.zeros_like(s.input_ids)) for s in kept]
        inputs[name] = padded(values, 0)
    return Batch(
        inputs | joined([sample.pixels for sample in kept if sample.pixels]),
        padded([sample.trained for sample in kept], False),
        tuple(sample.source for sample in kept),
        tuple(sample.turns for sample in kept),
        (*left_out, *unfit),
    )


def padded(rows: Sequence[torch.Tensor], value: int | float | bool) -> torch.Tensor:
    """(B, L) of rows of any length, filled up on the right."""
    if not rows:
        return torch.zeros((0, 0), dtype=torch.long)
    return torch.nn.utils.rnn.pad_sequence(list(rows), batch_first=True, padding_value=value)


def untrained(batch: Batch) -> Batch:
    """The same batch with nothing to learn: a rank that has none left still takes part."""
    return replace(batch, trained=torch.zeros_like(batch.trained))


def _that_fit(
    samples: Sequence[TrainingSample],
) -> tuple[list[TrainingSample], list[LeftOut]]:
    """Samples whose images can stand in one batch, which is all that are of one family."""
    kept: list[TrainingSample] = []
    unfit: list[LeftOut] = []
    shape = None
    for sample in samples:
        own = shape_of(sample.pixels)
        shape = shape or own
        if own and own != shape:
            unfit.append(
                LeftOut(
                    sample.source, "image features", f"its image features are {own}, not {shape}"
                )
            )
        else:
            kept.append(sample)
    return kept, unfit
