"""First weights that can already look: one token back, and at tokens like this one.

What the small model has to do is to find a label in what a tool wrote and to copy what
stands beside it. Two heads in a row do that (Olsson et al., "In-context Learning and
Induction Heads", arXiv 2209.11895): one that carries each token to the next, one that
looks for its own token among what was carried. From random weights they appear only after
tens of millions of tokens; begun near them, recall is learnt in three million. The idea
of starting attention where trained attention ends is from Trockman and Kolter, "Mimetic
Initialization of Self-Attention Layers" (arXiv 2305.09828).

All of it is a start: every weight is trained.
"""

from __future__ import annotations

import torch
from torch import Tensor
from transformers import Qwen2VLForConditionalGeneration
from transformers.models.qwen2_vl.modeling_qwen2_vl import Qwen2VLAttention

_BACK = (1, 2)
"""How far back the first heads of the first layer look, in tokens."""
_FIRMNESS = 6.0
"""Of that look: the scores of the token meant and of its neighbours are about 4 apart."""
_CARRIED = 0.5
"""How much of a token a head writes beside it."""


def begin(model: Qwen2VLForConditionalGeneration, seed: int) -> None:
    """Set the first weights of a model of `small_config`, always the same for a seed."""
    random = torch.Generator().manual_seed(seed)
    text = model.model.language_model
    config = text.config
    heads: int = config.num_attention_heads
    theta = float(config.rope_parameters["rope_theta"])
    with torch.no_grad():
        for number, layer in enumerate(text.layers):
            attention = layer.self_attn
            for head in range(heads):
                rows = slice(head * attention.head_dim, (head + 1) * attention.head_dim)
                _carry(attention, rows, random, own_place=number == 0)
                if number > 0:
                    _look_for_the_same(attention, rows, random)
                elif head < len(_BACK):
                    _look_back(attention, rows, _BACK[head], theta)


def _carry(
    attention: Qwen2VLAttention, rows: slice, random: torch.Generator, *, own_place: bool
) -> None:
    """Let a head write what it reads: as it is, or in a place of its own, where the
    carried token is not mistaken for the one that stands there."""
    read = _orthonormal(attention, rows, random)
    written = _orthonormal(attention, rows, random) if own_place else read
    attention.v_proj.weight[rows] = read
    attention.o_proj.weight[:, rows] = _CARRIED * written.T


def _look_for_the_same(attention: Qwen2VLAttention, rows: slice, random: torch.Generator) -> None:
    """Let queries and keys be the same view of a token."""
    view = _orthonormal(attention, rows, random)
    attention.q_proj.weight[rows] = view
    attention.k_proj.weight[rows] = view


def _look_back(attention: Qwen2VLAttention, rows: slice, distance: int, theta: float) -> None:
    """Let a head look `distance` tokens back, whatever stands there.

    Rotary embedding turns the pair i of a query at m by m·θ_i, and of a key at n by n·θ_i.
    With a key turned by distance·θ_i beforehand, their product is largest at
    m - n = distance.
    """
    half = attention.head_dim // 2
    turn = distance * theta ** (-torch.arange(half) / half)
    attention.q_proj.bias[rows] = _FIRMNESS * torch.cat([torch.ones(half), torch.zeros(half)])
    attention.k_proj.bias[rows] = _FIRMNESS * torch.cat([turn.cos(), turn.sin()])


def _orthonormal(attention: Qwen2VLAttention, rows: slice, random: torch.Generator) -> Tensor:
    """(head, hidden) rows at right angles."""
    hidden = attention.q_proj.in_features
    drawn = torch.randn(hidden, rows.stop - rows.start, generator=random)
    columns: Tensor = torch.linalg.qr(drawn).Q
    return columns.T
