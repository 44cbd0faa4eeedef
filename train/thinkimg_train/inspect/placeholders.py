"""Which of a row's tokens stand for which image."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from thinkimg_train.samples import Span


def spans_of_images(
    ids: Sequence[int],
    start: int,
    images: int,
    *,
    is_placeholder: Callable[[int], bool],
    belongs_to_image: Callable[[int], bool],
) -> list[Span]:
    """The placeholders of each of the images in a stretch of tokens that begins at `start`.

    Families write several images one after the other, with words or marks between
    them, or nothing at all. Where they cannot be told apart, all have the span of all.
    """
    if not images:
        return []
    runs = _runs(ids, start, is_placeholder)
    for together in (_joined(runs, ids, start, belongs_to_image), runs):
        if len(together) == images:
            return together
    if not runs:
        return []
    if len(runs) == 1 and (runs[0][1] - runs[0][0]) % images == 0:
        first, size = runs[0][0], (runs[0][1] - runs[0][0]) // images
        return [(first + n * size, first + (n + 1) * size) for n in range(images)]
    return [(runs[0][0], runs[-1][1])] * images


def _runs(ids: Sequence[int], start: int, is_placeholder: Callable[[int], bool]) -> list[Span]:
    runs: list[Span] = []
    for position, token in enumerate(ids, start):
        if not is_placeholder(token):
            continue
        if runs and runs[-1][1] == position:
            runs[-1] = (runs[-1][0], position + 1)
        else:
            runs.append((position, position + 1))
    return runs


def _joined(
    runs: Sequence[Span], ids: Sequence[int], start: int, belongs: Callable[[int], bool]
) -> list[Span]:
    """Tiles of one image are one, with what marks them."""
    joined: list[Span] = []
    for run in runs:
        between = ids[joined[-1][1] - start : run[0] - start] if joined else ()
        if joined and all(belongs(token) for token in between):
            joined[-1] = (joined[-1][0], run[1])
        else:
            joined.append(run)
    return joined
