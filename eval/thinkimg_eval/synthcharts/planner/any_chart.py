"""Questions that are none of synthcharts': what can be told from the text alone."""

from __future__ import annotations

import re
from collections.abc import Sequence

from thinkimg_eval.synthcharts.planner.answer import Answer
from thinkimg_eval.synthcharts.planner.look import Look
from thinkimg_eval.synthcharts.planner.places import Scale, overlap
from thinkimg_eval.synthcharts.planner.texts import Span, likeness, plain, spans_in

UNKNOWN = "unknown"
_QUOTED = re.compile(r"[\"'\u201c\u2018]([^\"'\u201c\u201d\u2018\u2019]+)[\"'\u201d\u2019]")
_VALUE_WORDS = re.compile(
    r"\b(value|number|how (?:many|much)|percent\w*|share|what|figure|rate|total)\b"
)
_TITLE_AT_MOST = 0.3
"""How far down, in parts of the image, a title may begin."""


def answer_about_text(look: Look) -> Answer:
    """The title, an axis label, or the value that stands beside a name."""
    if look.first is None:
        return Answer("There is no image.", UNKNOWN)
    image = look.first.name
    [found] = look.see("I read the text first.", ("OCR", {"image": image}))
    spans = spans_in(found, look.scale_of(image))
    question = look.question.casefold()
    if not spans:
        return Answer("I see no text that I can read.", UNKNOWN)
    if "title" in question or "about" in question.split():
        return Answer("The title stands at the top.", _title_of(spans))
    label = _axis_label(question, spans)
    if label:
        return Answer("The label stands along its axis.", label)
    return _beside_a_name(look.question, spans, look.scale_of(image))


def _title_of(spans: Sequence[Span]) -> str:
    """The largest text near the top, with the lines under it of the same size."""
    top = [span for span in spans if span.box.y0 <= _TITLE_AT_MOST and not span.upright]
    lettered = [span for span in top if span.number is None] or top or list(spans)
    first = max(lettered, key=lambda span: (round(span.box.height, 2), -span.box.y0))
    lines = [first]
    for span in sorted(lettered, key=lambda one: one.box.y0):
        gap = span.box.y0 - lines[-1].box.y1
        alike = abs(span.box.height - first.box.height) < 0.25 * first.box.height
        if span is not first and alike and -0.5 * first.box.height < gap < 0.8 * first.box.height:
            lines.append(span)
    return " ".join(span.text for span in sorted(lines, key=lambda one: one.box.y0))


def _axis_label(question: str, spans: Sequence[Span]) -> str:
    if not ("axis" in question or "label" in question):
        return ""
    lettered = [span for span in spans if span.number is None]
    if re.search(r"\by\b|vertical|left", question):
        upright = [span for span in lettered if span.upright]
        return min(upright, key=lambda span: span.box.x0).text if upright else ""
    if re.search(r"\bx\b|horizontal|bottom", question):
        flat = [span for span in lettered if not span.upright]
        return max(flat, key=lambda span: span.box.y1).text if flat else ""
    return ""


def _beside_a_name(question: str, spans: Sequence[Span], scale: Scale) -> Answer:
    """The value next to the text that the question names, else that text's answer."""
    named = _named_in(question, spans)
    if named is None:
        return Answer("The text does not say.", UNKNOWN)
    numbers = [span for span in spans if span.number is not None and span is not named]
    if not numbers or not _VALUE_WORDS.search(question.casefold()):
        return Answer(f'The question is about "{named.text}".', named.text)
    best = min(numbers, key=lambda span: _away(named, span, scale))
    return Answer(f'"{best.text}" stands beside "{named.text}".', best.text)


def _named_in(question: str, spans: Sequence[Span]) -> Span | None:
    """The span that the question quotes, else the longest one it contains."""
    for quoted in _QUOTED.findall(question):
        best = max(spans, key=lambda span: likeness(quoted, span.text))
        if likeness(quoted, best.text) >= 0.7:
            return best
    said = plain(question)
    there = [span for span in spans if len(plain(span.text)) >= 2 and plain(span.text) in said]
    return max(there, key=lambda span: len(plain(span.text)), default=None)


def _away(name: Span, value: Span, scale: Scale) -> float:
    """How far a value is from a name: what shares its row or its column is nearer."""
    across = max(0.0, -overlap(name.box.x0, name.box.x1, value.box.x0, value.box.x1))
    down = max(0.0, -overlap(name.box.y0, name.box.y1, value.box.y0, value.box.y1))
    aside = min(across * scale.aspect, down)
    return across * scale.aspect + down + 3 * aside
