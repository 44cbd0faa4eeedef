"""First weights that can already look things up in a list.

What the small model has to do is to find a name in what a tool wrote and to copy what
stands beside it. Two heads in a row do that (Olsson et al., "In-context Learning and
Induction Heads", arXiv 2209.11895): one that carries each token some places on, and one
that looks for its own token among what was carried. From random weights they appear only
after tens of millions of tokens; begun here, recall in lists is learnt in one million.
Attention that starts where trained attention ends is from Trockman and Kolter, "Mimetic
Initialization of Self-Attention Layers" (arXiv 2305.09828).

A tool writes of each text `NAME", "box": [X0, Y0, X1, Y1], …`: from the token that ends it,
the name is nine tokens back, x0 seven and y0 five. From a number, its name is two back.

All of it is a start: every weight is trained.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase, Qwen2VLForConditionalGeneration
from transformers.models.qwen2_vl.modeling_qwen2_vl import Qwen2VLAttention

NEXT, VALUE, TOP, LEFT, NAME = range(5)
"""The heads of the first layer, by what they carry."""
_BACK = {NEXT: 1, VALUE: 2, TOP: 5, LEFT: 7, NAME: 9}
"""How many tokens back each of them looks."""
_FIRMNESS = 6.0
"""Of that look: the scores of the token meant and of its neighbours are about 4 apart."""
_CARRIED = 0.5
"""How much of a token a head writes beside it."""
_OWN, _BROUGHT = 2.3, 1.25
"""Of queries and keys: an exact match is about 7 above no match at all."""
_WIDTH = 0.25
"""Standard deviation of embeddings: what is carried does not drown a token's own."""
_QUIET = 0.1
"""Of the last norm: with embeddings that wide, the first guesses would be too sure."""
_LONGEST, _SHORTEST = 2000.0, 20.0
"""Waves that make up a number: near numbers look alike."""


def begin(
    model: Qwen2VLForConditionalGeneration, tokenizer: PreTrainedTokenizerBase, seed: int
) -> None:
    """Set the first weights of a model of `small_config`, always the same for a seed."""
    random = torch.Generator().manual_seed(seed)
    text = model.model.language_model
    theta = float(text.config.rope_parameters["rope_theta"])
    with torch.no_grad():
        _embed(text.embed_tokens.weight, tokenizer, random)
        text.norm.weight.fill_(_QUIET)
        first, second, *others = [layer.self_attn for layer in text.layers]
        read, written = _carry_on(first, theta, random)
        _look_up(second, read, written, random)
        for attention in others:
            for head in range(len(_BACK)):
                rows = _rows(attention, head)
                view = 1.5 * _orthonormal(attention, random)
                attention.q_proj.weight[rows] = view
                attention.k_proj.weight[rows] = view
                _copy(attention, rows, random)


def _embed(weight: Tensor, tokenizer: PreTrainedTokenizerBase, random: torch.Generator) -> None:
    """(V, D): far apart for words; for numbers, nearer the less they differ."""
    size = weight.shape[1]
    weight.normal_(0, _WIDTH, generator=random)
    waves = 32
    spread = torch.linalg.qr(torch.randn(size, 2 * waves, generator=random)).Q.T
    lengths = _LONGEST * (_SHORTEST / _LONGEST) ** (torch.arange(waves) / (waves - 1))
    for number in range(1000):
        [token] = tokenizer(str(number), add_special_tokens=False)["input_ids"]
        angles = 2 * math.pi * number / lengths
        wave = torch.cat([angles.cos(), angles.sin()]) @ spread
        wave *= _WIDTH * math.sqrt(size) / wave.norm()
        weight[token] = (wave + weight[token]) / math.sqrt(2)


def _carry_on(
    attention: Qwen2VLAttention, theta: float, random: torch.Generator
) -> tuple[list[Tensor], list[Tensor]]:
    """What each head of the first layer sees of a token, and where it writes that: (head,
    hidden) each. Where it writes, nothing is mistaken for the token that stands there."""
    read: list[Tensor] = []
    written: list[Tensor] = []
    for head, back in _BACK.items():
        rows = _rows(attention, head)
        # What is carried by one and by two is to be compared: it is seen alike.
        seen = read[NEXT] if head == VALUE else _orthonormal(attention, random)
        place = _orthonormal(attention, random)
        attention.v_proj.weight[rows] = seen
        attention.o_proj.weight[:, rows] = _CARRIED * place.T
        _look_back(attention, rows, back, theta)
        read.append(seen)
        written.append(place)
    return read, written


def _look_up(
    attention: Qwen2VLAttention, read: list[Tensor], written: list[Tensor], random: torch.Generator
) -> None:
    """Let the heads of the second layer compare tokens with what was carried."""
    pairs = (
        (_OWN * read[NEXT], written[NEXT]),  # what came after this very token
        (_BROUGHT * written[NEXT], written[VALUE]),  # the value of the name just before
        (_OWN * read[NAME], written[NAME]),  # where this name's box is
        (_BROUGHT * written[LEFT], written[LEFT]),  # boxes as far to the left
        (_BROUGHT * written[TOP], written[TOP]),  # boxes as far up
    )
    for head, (query, key) in enumerate(pairs):
        rows = _rows(attention, head)
        attention.q_proj.weight[rows] = query
        attention.k_proj.weight[rows] = _BROUGHT * key
        _copy(attention, rows, random)


def _copy(attention: Qwen2VLAttention, rows: slice, random: torch.Generator) -> None:
    """Let a head write what it reads, as it is."""
    view = _orthonormal(attention, random)
    attention.v_proj.weight[rows] = view
    attention.o_proj.weight[:, rows] = _CARRIED * view.T


def _look_back(attention: Qwen2VLAttention, rows: slice, distance: int, theta: float) -> None:
    """Let a head look `distance` tokens back, whatever stands there.

    Rotary embedding turns the pair i of a query at m by m·θ_i, and of a key at n by n·θ_i.
    With a key turned by distance·θ_i beforehand, their product is largest at
    m - n = distance.
    """
    half = attention.head_dim // 2
    turn = distance * theta ** (-torch.arange(half) / half)
    attention.q_proj.weight[rows] *= 0.1  # whatever stands there
    attention.k_proj.weight[rows] *= 0.1
    attention.q_proj.bias[rows] = _FIRMNESS * torch.cat([torch.ones(half), torch.zeros(half)])
    attention.k_proj.bias[rows] = _FIRMNESS * torch.cat([turn.cos(), turn.sin()])


def _rows(attention: Qwen2VLAttention, head: int) -> slice:
    return slice(head * attention.head_dim, (head + 1) * attention.head_dim)


def _orthonormal(attention: Qwen2VLAttention, random: torch.Generator) -> Tensor:
    """(head, hidden): a head's view of a token, rows at right angles."""
    drawn = torch.randn(attention.q_proj.in_features, attention.head_dim, generator=random)
    columns: Tensor = torch.linalg.qr(drawn).Q
    return columns.T
