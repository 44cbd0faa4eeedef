"""The text of a chart, as OCR tells it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from thinkimg_eval.synthcharts.planner.look import Finding
from thinkimg_eval.synthcharts.planner.places import Box, Scale
from thinkimg_eval.synthcharts.planner.written_numbers import number_in

_ALIKE = 0.75
_SAME_WORD = 0.79
_STROKES = frozenset("1lIL|!-_=:;'.,\u2014")
_LOW = 0.75
"""Of the usual height of text: lower strokes are no letters."""
_NOT_TEXT = re.compile(r"[\W_]+")


@dataclass(frozen=True)
class Span:
    """One piece of text."""

    text: str
    box: Box
    score: float = 1.0
    upright: bool = False
    """Whether it reads up or down."""

    @property
    def number(self) -> float | None:
        return number_in(self.text)


def spans_in(finding: Finding, scale: Scale) -> list[Span]:
    """What an OCR call has read."""
    spans = []
    for item in finding.items("spans"):
        text, written = str(item.get("text", "")), item.get("box")
        if text and isinstance(written, list) and len(written) == 4:
            box = scale.read_box(written)
            tall = box.height > 1.3 * box.width * scale.aspect
            score = float(item.get("score", 1.0))
            spans.append(Span(text, box, score, tall and len(text) > 2))
    usual = sorted(min(span.box.height, span.box.width * scale.aspect) for span in spans)
    return [span for span in spans if not _is_tick_mark(span, usual[len(usual) // 2])]


def _is_tick_mark(span: Span, usual_height: float) -> bool:
    """Whether OCR has read the mark beside a number or a name as a letter."""
    return span.text in _STROKES and span.box.height < _LOW * usual_height


def plain(text: str) -> str:
    """A text without what OCR gets wrong most: case, spaces, punctuation."""
    return _NOT_TEXT.sub("", text.casefold())


def likeness(one: str, other: str) -> float:
    """0 to 1: how much alike two texts are, to OCR."""
    one, other = (plain(text).replace("rn", "m") for text in (one, other))
    if one == other:
        return 1.0 if one else 0.0
    if not one or not other or (one.isdigit() and other.isdigit()):
        return 0.0
    return SequenceMatcher(None, one, other, autojunk=False).ratio()


def reading(text: str, spans: Sequence[Span], *, least: float = _ALIKE) -> list[Span]:
    """The spans that say a text, those most like it only."""
    worth = [(likeness(text, span.text), span) for span in spans]
    best = max((value for value, _ in worth), default=0.0)
    return [span for value, span in worth if value >= max(least, best - 1e-9)]


def well_spelled(span: Span, spans: Sequence[Span]) -> str:
    """The text of a span, as OCR was surest of it: a name may stand in a legend too."""
    same = [
        other
        for other in spans
        if other.score > span.score
        and abs(len(plain(other.text)) - len(plain(span.text))) <= 1
        and likeness(other.text, span.text) >= _SAME_WORD
    ]
    return max(same, key=lambda other: other.score, default=span).text
