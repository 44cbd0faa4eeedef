"""What a run's episodes have in common, as tables."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Sequence

from rich.table import Table

from thinkimg_agent.trajectory import CallRecord, Trajectory, verdict_of


def ending_table(episodes: Sequence[Trajectory]) -> Table:
    """How episodes ended, and how those went against the truth."""
    table = _table("ended", "episodes", "share", "right", "wrong")
    verdicts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for episode in episodes:
        verdicts[episode.stop.value.replace("_", " ")][verdict_of(episode)] += 1
    for stop, counts in sorted(verdicts.items(), key=lambda item: -item[1].total()):
        share = counts.total() / len(episodes)
        table.add_row(
            stop, str(counts.total()), f"{share:.0%}", str(counts["right"]), str(counts["wrong"])
        )
    return table


def tool_table(episodes: Sequence[Trajectory]) -> Table:
    """How often each tool was called, how often wrongly, and how long it took."""
    table = _table("tool", "calls", "episodes", "refused", "median ms", "slowest ms")
    calls: defaultdict[str, list[CallRecord]] = defaultdict(list)
    users: Counter[str] = Counter()
    for episode in episodes:
        used = [call for turn in episode.turns for call in turn.calls]
        for call in used:
            calls[call.tool or call.name].append(call)
        users.update({call.tool or call.name for call in used})
    for tool, made in sorted(calls.items(), key=lambda item: -len(item[1])):
        times = [call.seconds * 1000 for call in made]
        table.add_row(
            tool,
            str(len(made)),
            str(users[tool]),
            str(sum(bool(call.error) for call in made)),
            f"{statistics.median(times):.0f}",
            f"{max(times):.0f}",
        )
    return table


def time_table(episodes: Sequence[Trajectory]) -> Table:
    """What an episode takes, in the middle and at most."""
    table = _table("per episode", "median", "most")
    figures = {
        "turns": [float(len(episode.turns)) for episode in episodes],
        "images": [float(len(episode.images)) for episode in episodes],
        "model s": [sum(turn.seconds for turn in one.turns) for one in episodes],
        "tool s": [
            sum(call.seconds for turn in one.turns for call in turn.calls) for one in episodes
        ],
        "all s": [episode.seconds for episode in episodes],
    }
    for name, values in figures.items():
        table.add_row(name, f"{statistics.median(values):.3g}", f"{max(values):.3g}")
    return table


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 0 else "right")
    return table
