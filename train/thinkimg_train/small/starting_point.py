"""First weights that can already look things up in a list.

What the small model has to do is to find a name in what a tool wrote and to copy what
stands beside it. Two heads in a row do that (Olsson et al., "In-context Learning and
Induction Heads", arXiv 2209.11895): one that carries each token some places on, and one
that looks for its own token among what was carried. From random weights they appear only
after tens of millions of tokens; begun here, recall in lists is learnt in one million.
Attention that starts where trained attention ends is from Trockman and Kolter, "Mimetic
Initialization of Self-Attention Layers" (arXiv 2305.09828).

A tool writes of each text `[X0, Y0, X1, Y1], "text": "NAME", …`: from NAME, y1 is two tokens
back, x1 three, y0 four and x0 five (a comma belongs to its number); so it is from the label of a
mark, and from what is written next to a box. In a plain list, what a number belongs to is two back.

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
_BACK = {NEXT: 1, VALUE: 2, RIGHT: 3, TOP: 4, LEFT: 5}
"""How many tokens back each of them looks."""
_PLACED = 2
"""The head of the second layer that tells where the box of the name just before begins."""
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
_WAVES, _LONGEST, _SHORTEST = 32, 2000.0, 20.0
"""Waves that make up a number: near numbers look alike."""
_CARRIED_WAVES = (1500, 1000, 700, 500, 350, 250, 150, 80)
"""Of those, the ones by which places are compared."""
_ALIGNED = 1.5
"""Of queries and keys: a place some hundredths of an image away is still looked at."""
_TOLD = 1.2
"""Of a place that is written as it was carried."""


def begin(
    model: Qwen2VLForConditionalGeneration, tokenizer: PreTrainedTokenizerBase, seed: int
) -> None:
    """Set the first weights of a model of `small_config`, always the same for a seed."""
    random = torch.Generator().manual_seed(seed)
    text = model.model.language_model
    theta = float(text.config.rope_parameters["rope_theta"])
    with torch.no_grad():
        waves = _embed(text.embed_tokens.weight, tokenizer, random)
        text.norm.weight.fill_(_QUIET)
        first, second, *others = [layer.self_attn for layer in text.layers]
        read, written = _carry_on(first, waves, theta, random)
        _look_up(second, read, written, random)
        for attention in others:
            for head in range(len(_BACK)):
                rows = _rows(attention, head)
                view = _orthonormal(attention, random)
                attention.q_proj.weight[rows] = view
                attention.k_proj.weight[rows] = view
                _copy(attention, rows, random)
        _align(others[0], written)


def _embed(weight: Tensor, tokenizer: PreTrainedTokenizerBase, random: torch.Generator) -> Tensor:
    """(V, D): far apart for words; for numbers, nearer the less they differ; nearly the same
    for a word and the same one after a space, and for a number and the same one with a comma.

    Returns: (2, waves, D), the directions of a number's cosines and sines.
    """
    size = weight.shape[1]
    weight.normal_(0, _WIDTH, generator=random)
    spread = torch.linalg.qr(torch.randn(size, 2 * _WAVES, generator=random)).Q.T
    lengths = _wave_lengths(_WAVES)
    for number in range(1000):
        [token] = tokenizer(str(number), add_special_tokens=False)["input_ids"]
        angles = 2 * math.pi * number / lengths
        wave = torch.cat([angles.cos(), angles.sin()]) @ spread
        wave *= _WIDTH * math.sqrt(size) / wave.norm()
        weight[token] = (wave + weight[token]) / math.sqrt(2)
    known = {str(tokenizer.decode([token])): token for token in range(weight.shape[0])}
    for text, token in known.items():
        bare = text.removesuffix(", ") if text[:1].isdigit() else text.removeprefix(" ")
        if bare != text and (alone := known.get(bare)) is not None:
            weight[token] = 0.9 * weight[alone] + 0.44 * weight[token]
    waves: Tensor = spread.view(2, _WAVES, size)
    return waves


def _wave_lengths(count: int) -> Tensor:
    """(count,) from the longest down, in equal ratios."""
    lengths: Tensor = _LONGEST * (_SHORTEST / _LONGEST) ** (torch.arange(count) / (count - 1))
    return lengths


def _carry_on(
    attention: Qwen2VLAttention, waves: Tensor, theta: float, random: torch.Generator
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
            else _number_view(attention, waves, random)
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
        if head == _PLACED:
            attention.v_proj.weight[rows] = _TOLD * written[LEFT]
            attention.o_proj.weight[:, rows] = read[LEFT].T


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


def _number_view(attention: Qwen2VLAttention, waves: Tensor, random: torch.Generator) -> Tensor:
    """(head, hidden): eight waves in pairs that hardly turn, and something of the rest."""
    lengths = _wave_lengths(waves.shape[1])
    chosen = [int((lengths - one).abs().argmin()) for one in _CARRIED_WAVES]
    every = waves.flatten(0, 1).T
    rest = torch.randn(every.shape[0], attention.head_dim // 2, generator=random)
    rest = torch.linalg.qr(rest - every @ (every.T @ rest)).Q.T
    half = len(rest) // 2
    return torch.cat([rest[:half], waves[0, chosen], rest[half:], waves[1, chosen]])


def _align(attention: Qwen2VLAttention, written: list[Tensor]) -> None:
    """Let heads of the third layer look, softly, for what stands in the same column, in the same
    row, and right of where they are. Of the carried waves, each of two edges gets every second."""
    pairs = attention.head_dim // 2
    waves = [pair + pairs * end for end in (0, 1) for pair in range(pairs // 2, pairs)]
    even, odd = waves[1::2], waves[::2]
    views = (
        ((LEFT, LEFT, even), (RIGHT, RIGHT, odd)),
        ((TOP, TOP, waves),),
        ((RIGHT, LEFT, even), (TOP, TOP, odd)),
    )
    for head, compared in enumerate(views):
        rows = _rows(attention, head)
        query, key = (0.2 * one.weight[rows] for one in (attention.q_proj, attention.k_proj))
        for own, theirs, chosen in compared:
            query[chosen] = _ALIGNED * written[own][chosen]
            key[chosen] = _ALIGNED * written[theirs][chosen]
        attention.q_proj.weight[rows] = query
        attention.k_proj.weight[rows] = key
