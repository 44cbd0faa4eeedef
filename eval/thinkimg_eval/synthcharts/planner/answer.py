"""An answer, with the reason for it."""

from __future__ import annotations

from typing import NamedTuple


class Answer(NamedTuple):
    """What ends an episode."""

    thought: str
    text: str
