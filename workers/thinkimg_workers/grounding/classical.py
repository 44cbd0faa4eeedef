"""A detector without a model: reads a chart's text, and sees shapes by their colour."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2

from thinkimg_rpc.settings import ModelSettings
from thinkimg_workers.grounding.detector import Found, Search
from thinkimg_workers.grounding.matching import Match, matches_of
from thinkimg_workers.grounding.scene import Scene
from thinkimg_workers.grounding.wish import Wish, wishes_of
from thinkimg_workers.page_text import warm_up

_MOST_FOUND = 200


class ClassicalDetector:
    """Finds bars, lines, wedges, points, legends, titles, labels, panels and text.

    `text_threshold` is no matter to it: words are matched, not scored.
    """

    name = f"classical, opencv {cv2.__version__}"
    batches = False

    def __init__(self, _settings: ModelSettings, _place: Path | None = None) -> None:
        warm_up()

    def detect(self, searches: Sequence[Search]) -> Sequence[list[Found]]:
        return [_found(search) for search in searches]

    def explain(self, query: str) -> str:
        """What was understood of a query that found nothing."""
        return "; ".join(_understood(wish) for wish in wishes_of(query))


def _found(search: Search) -> list[Found]:
    wishes = wishes_of(search.query)
    if not wishes:
        return []
    scene = Scene(search.pixels, search.lines(), search.check_deadline)
    found = []
    for wish in wishes:
        search.check_deadline()
        matches = matches_of(wish, scene)
        found += [
            _in_picture(match, wish, scene, search)
            for match in matches[:_MOST_FOUND]
            if match.score >= search.box_threshold
        ]
    found.sort(key=lambda one: -one.score)
    return found[:_MOST_FOUND]


def _in_picture(match: Match, wish: Wish, scene: Scene, search: Search) -> Found:
    """A match in pixels of the picture itself."""
    height, width = search.pixels.shape[:2]
    box = match.thing.box.scaled(1 / scene.scale).clipped(width, height)
    x, y = match.thing.inside()
    inside = min(x / scene.scale, width - 0.01), min(y / scene.scale, height - 0.01)
    return Found(box, min(1.0, match.score), wish.label, inside)


def _understood(wish: Wish) -> str:
    """In words a person would use."""
    parts = []
    if wish.roles:
        parts.append(" or ".join(role.replace("_", " ") for role in wish.roles))
    if wish.colors:
        parts.append(f"coloured {' '.join([wish.shade, *wish.colors]).strip()}")
    if wish.superlative:
        parts.append(f"the {wish.superlative} of them")
    if wish.rest:
        parts.append(f'named or reading "{" ".join(wish.rest)}"')
    return f'"{wish.label}" was understood as: {", ".join(parts) or "nothing known"}'
