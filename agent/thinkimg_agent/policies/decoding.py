"""Turns written side by side, token by token: one that has ended leaves the others."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from typing import Any

import torch
from transformers.cache_utils import DynamicLayer

from thinkimg_agent.policies.local_sampling import Sampler

_ROOM = 64
"""Tokens that a cache has room for when it grows."""
_STAY = 0.75
"""Rows are taken out together, once no more than this share of them goes on: that copies."""


@dataclass
class Written:
    """What has been sampled of a turn."""

    ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)


class Decoding:
    """One pass; it takes the place of the loop in transformers' `generate(custom_generate=…)`,
    which computes with every row until the last one has ended."""

    def __init__(
        self, sampler: Sampler, ends: Set[int], limits: Sequence[int], prompts: Sequence[int]
    ) -> None:
        """
        Args:
            ends: tokens that end a turn; they are a part of it.
            limits: the most tokens of each row.
            prompts: which prompt each row goes on from: what is common is computed once.
        """
        self._sampler = sampler
        self._ends = ends
        self._limits = limits
        self._prompts = prompts
        self.turns = [Written() for _ in limits]

    def __call__(
        self,
        model: Any,
        input_ids: torch.Tensor,
        logits_processor: Any = None,
        stopping_criteria: Any = None,
        generation_config: Any = None,
        **state: Any,
    ) -> torch.Tensor:
        """
        Args:
            input_ids: (prompts, L), filled up on the left.
            state: what `generate` has prepared: cache, masks, positions, pixels.
        """
        _grow_in_place(state["past_key_values"])
        inputs = model.prepare_inputs_for_generation(input_ids, is_first_iteration=True, **state)
        outputs = model(**inputs, return_dict=True)
        state = model._update_model_kwargs_for_generation(outputs, state)
        rows = list(range(len(self._prompts)))
        scores = outputs.logits[:, -1]
        if self._prompts != list(range(len(input_ids))):
            begun = torch.tensor(self._prompts, device=scores.device)
            scores = scores[begun]
            _keep_rows(state, begun)
        while True:
            tokens, logprobs = self._sampler.draw(scores, rows)
            going_on = self._put_down(rows, tokens.tolist(), logprobs.tolist())
            if not going_on:
                return input_ids
            if len(going_on) <= _STAY * len(rows):
                kept = torch.tensor(going_on, device=tokens.device)
                rows, tokens = [rows[n] for n in going_on], tokens[kept]
                _keep_rows(state, kept)
            inputs = model.prepare_inputs_for_generation(
                tokens[:, None], next_sequence_length=1, **state
            )
            outputs = model(**inputs, return_dict=True)
            state = model._update_model_kwargs_for_generation(outputs, state)
            scores = outputs.logits[:, -1]

    def _put_down(
        self, rows: Sequence[int], tokens: Sequence[int], logprobs: Sequence[float]
    ) -> list[int]:
        """The places of those whose turns go on."""
        going_on = []
        for place, row in enumerate(rows):
            turn = self.turns[row]
            if self._ended(row):
                continue
            turn.ids.append(tokens[place])
            turn.logprobs.append(logprobs[place])
            if not self._ended(row):
                going_on.append(place)
        return going_on

    def _ended(self, row: int) -> bool:
        ids = self.turns[row].ids
        return len(ids) >= self._limits[row] or (bool(ids) and ids[-1] in self._ends)


def _keep_rows(state: dict[str, Any], kept: torch.Tensor) -> None:
    """Of all that the next steps need: (B, L) of masks and kinds, (…, B, L) of positions."""
    state["past_key_values"].batch_select_indices(kept)
    for name in ("attention_mask", "position_ids", "token_type_ids", "mm_token_type_ids"):
        if state.get(name) is not None:
            state[name] = state[name].index_select(-2, kept)


class _GrowingLayer(DynamicLayer):  # type: ignore[no-untyped-call]
    """Keys and values with room for more: the library's copies all of them at every token."""

    _all_keys: torch.Tensor | None = None
    _all_values: torch.Tensor | None = None

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, H, N, D) of the new tokens; (B, H, L, D) of all."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        known = self.get_seq_length()
        length = known + key_states.shape[-2]
        self._all_keys = _put(key_states, self._all_keys, known)
        self._all_values = _put(value_states, self._all_values, known)
        self.keys, self.values = self._all_keys[..., :length, :], self._all_values[..., :length, :]
        return self.keys, self.values

    def batch_select_indices(self, indices: torch.Tensor) -> None:
        super().batch_select_indices(indices)
        # Without room: the next token makes it.
        self._all_keys, self._all_values = self.keys, self.values


def _put(new: torch.Tensor, old: torch.Tensor | None, known: int) -> torch.Tensor:
    """Of a layer's memory, in which `known` tokens are; a larger one where there is no room."""
    length = known + new.shape[-2]
    if old is None or length > old.shape[-2]:
        larger = new.new_empty(*new.shape[:-2], length + _ROOM, new.shape[-1])
        if old is not None:
            larger[..., :known, :] = old[..., :known, :]
        old = larger
    old[..., known:length, :] = new
    return old


def _grow_in_place(cache: Any) -> None:
    """Layers of other kinds, as with a sliding window, stay as they are."""
    layer: Any = _GrowingLayer
    cache.layers = [layer() if type(one) is DynamicLayer else one for one in cache.layers]
