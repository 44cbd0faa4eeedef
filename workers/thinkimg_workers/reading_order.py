"""The order in which a person would read pieces of text."""

from __future__ import annotations

from collections.abc import Iterable

from thinkimg_rpc.v1 import TextSpan


def in_reading_order(spans: Iterable[TextSpan]) -> list[TextSpan]:
    """Lines from top to bottom, and from left to right within a line.

    A span belongs to a line when its middle lies within the line's first span.
    """
    lines: list[list[TextSpan]] = []
    for span in sorted(spans, key=_middle):
        if lines and _middle(span) < lines[-1][0].box.y1:
            lines[-1].append(span)
        else:
            lines.append([span])
    return [span for line in lines for span in sorted(line, key=lambda span: span.box.x0)]


def _middle(span: TextSpan) -> float:
    return (span.box.y0 + span.box.y1) / 2
