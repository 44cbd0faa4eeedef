"""A query as Grounding DINO's text side was trained to read it."""

from __future__ import annotations

import re


def as_model_reads(query: str) -> str:
    """Lower case, things separated by full stops, one at the end: "Red bar" to "red bar."."""
    things = [" ".join(thing.split()) for thing in re.split(r"[.。]", query.lower())]
    return ". ".join(thing for thing in things if thing) + "."
