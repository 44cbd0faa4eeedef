"""First weights that can already look things up in a list.

What the small model has to do is to find a name in what a tool wrote and to copy what
stands beside it. Two heads in a row do that (Olsson et al., "In-context Learning and
Induction Heads", arXiv 2209.11895): one that carries each token some places on, and one
that looks for its own token among what was carried. From random weights they appear only
after tens of millions of tokens; begun here, recall in lists is learnt in one million.
Attention that starts where trained attention ends is from Trockman and Kolter, "Mimetic
Initialization of Self-Attention Layers" (arXiv 2305.09828).

A tool writes of each text `[X0, Y0, X1, Y1], "text": "NAME", …`: from NAME, y1 is two tokens
back, x1 four, y0 six and x0 eight; so it is from the label of a mark, and from what is written
next to a box. In a plain list, what a number belongs to is two back.

All of it is a start: every weight is trained.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase, Qwen2VLForConditionalGeneration
from transformers.models.qwen2_vl.modeling_qwen2_vl import Qwen2VLAttention

NEXT, VALUE, RIGHT, TOP, LEFT = range(5)
"""The heads of the first layer, by what they carry."""
_BACK = {NEXT: 1, VALUE: 2, RIGHT: 4, TOP: 6, LEFT: 8}
"""How many tokens back each of them looks."""
_FIRMNESS = 6.0
"""Of that look: the scores of the token meant and of its neighbours are about 4 apart."""
_CARRIED = 0.5
"""How much of a token a head writes beside it."""
_OWN, _BROUGHT = 2.3, 1.25
"""Of queries and keys: an exact match is about 7 above no match at all."""
_WIDTH = 0.25
"""Standard deviation of embeddings: what is carried does not drown a token's own."""
_QUIET = 0.25
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
        spread = _embed(text.embed_tokens.weight, tokenizer, random)
        text.norm.weight.fill_(_QUIET)
        first, second, *others = [layer.self_attn for layer in text.layers]
        read, written = _carry_on(first, spread, theta, random)
        _look_up(second, read, written, random)
        for attention in others:
            for head in range(len(_BACK)):
                rows = _rows(attention, head)
                view = 1.0 * _orthonormal(attention, random)
                attention.q_proj.weight[rows] = view
                attention.k_proj.weight[rows] = view
                _copy(attention, rows, random)
        _aligned(others[0], read, written, text.embed_tokens.weight, tokenizer)


def _embed(weight: Tensor, tokenizer: PreTrainedTokenizerBase, random: torch.Generator):
    """(V, D): far apart for words; for numbers, nearer the less they differ; nearly the same
    for a word and the same one after a space."""
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
    known = {str(tokenizer.decode([token])): token for token in range(weight.shape[0])}
    for text, token in known.items():
        if text.startswith(" ") and (alone := known.get(text[1:])) is not None:
            weight[token] = 0.9 * weight[alone] + 0.44 * weight[token]
    return spread


def _carry_on(
    attention: Qwen2VLAttention, spread: Tensor, theta: float, random: torch.Generator
) -> tuple[list[Tensor], list[Tensor]]:
    """What each head of the first layer sees of a token, and where it writes that: (head,
    hidden) each. Where it writes, nothing is mistaken for the token that stands there."""
    read: list[Tensor] = []
    written: list[Tensor] = []
    for head, back in _BACK.items():
        rows = _rows(attention, head)
        # What is carried by one and by two is to be compared: it is seen alike.
        seen = (
            read[NEXT]
            if head == VALUE
            else _number_view(attention, spread, random)
            if head != NEXT
            else _orthonormal(attention, random)
        )
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
        (_BROUGHT * written[NEXT], _OWN * read[NEXT]),  # where this name's box is
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
    attention.o_proj.weight[:, rows] = 1.5 * view.T


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


def _number_view(attention, spread, random):
    """Eight waves from 1600 down to 60 in the slow pairs, and 16 dimensions of the rest."""
    size = spread.shape[1]
    waves = spread.view(2, -1, size)
    count = waves.shape[1]
    lengths = _LONGEST * (_SHORTEST / _LONGEST) ** (torch.arange(count) / (count - 1))
    wanted = [1500, 1000, 700, 500, 350, 250, 150, 80]
    chosen = [int((lengths - one).abs().argmin()) for one in wanted]
    rest = torch.randn(size, 16, generator=random)
    every = spread.T
    rest = rest - every @ (every.T @ rest)
    rest = torch.linalg.qr(rest).Q.T
    return torch.cat([rest[:8], waves[0, chosen], rest[8:], waves[1, chosen]])


def _aligned(attention, read, written, embeddings, tokenizer):
    """In the same column, the same row, right of it."""
    even = [9, 11, 13, 15, 25, 27, 29, 31]
    odd = [8, 10, 12, 14, 24, 26, 28, 30]
    before = [
        tokenizer(one, add_special_tokens=False)["input_ids"][0]
        for one in ('], "text": "', '], "score": 0.9, "label": "', '], "score": 0.85, "label": "')
    ]
    code = embeddings[before] @ read[NEXT].T
    mark = code.mean(0)
    mark = mark / mark.norm()
    for head, compared in enumerate(
        (
            [(LEFT, LEFT, even), (RIGHT, RIGHT, odd)],
            [(TOP, TOP, even + odd)],
            [(RIGHT, LEFT, even), (TOP, TOP, odd)],
        )
    ):
        rows = _rows(attention, head)
        q = attention.q_proj.weight[rows].clone() * 0.2
        k = attention.k_proj.weight[rows].clone() * 0.2
        for a, b, which in compared:
            q[which] = 1.5 * written[a][which]
            k[which] = 1.5 * written[b][which]
        attention.q_proj.weight[rows] = q
        attention.k_proj.weight[rows] = k
