"""What a thought says was seen: a name, where it and its bar are, and its value.

Each part stands beside the one before it in what a tool wrote, so that a reader can follow
the thought with a finger, and a model that learns from it looks up one thing at a time.
"""

from __future__ import annotations

from collections.abc import Sequence


def seen(*parts: str | Sequence[float]) -> str:
    """Names, values and boxes in one row: "Mango [405, 886, 460, 920] 356". Empty ones are
    left out."""
    return " ".join(_written(part) for part in parts if part)


def _written(part: str | Sequence[float]) -> str:
    return part if isinstance(part, str) else f"[{', '.join(f'{place:g}' for place in part)}]"
