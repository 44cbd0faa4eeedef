"""What must be alike in two runs of the same questions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec


def results(run: Path) -> Any:
    """`results.json`. Others may commit while tests run, which is left out."""
    found = msgspec.json.decode((run / "results.json").read_bytes())
    del found["run"]["commits"]
    return found


def summary(run: Path) -> Any:
    """`summary.json` without how long it took."""
    found = msgspec.json.decode((run / "summary.json").read_bytes())
    del found["run"]["commits"]
    del found["cost"]
    for tool in found["tools"]["by_tool"].values():
        del tool["seconds"]
    return found
