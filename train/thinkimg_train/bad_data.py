"""What is not trained on: counted and named, and refused where that is asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from thinkimg_rpc.errors import InvalidRequest

NOT_CHOSEN = ("", "aborted", "score")
"""Kinds that are no faults of the data: nothing is refused for them."""
_NAMED = 5


class BadSample(ValueError):
    """An episode that nothing can be learned from."""

    def __init__(self, kind: str, words: str) -> None:
        super().__init__(words)
        self.kind = kind
        """In a word or two, to be counted by."""


@dataclass(frozen=True)
class LeftOut:
    """An episode that is not trained on."""

    source: str
    kind: str
    """In a word or two, to be counted by."""
    reason: str

    @property
    def bad(self) -> bool:
        """Whether something is wrong with it, rather than that it was not chosen."""
        return self.kind not in NOT_CHOSEN

    def __str__(self) -> str:
        return f"{self.source}: {self.reason}"


def counts_of(left_out: Iterable[LeftOut]) -> dict[str, int]:
    """How many there are of each kind, the most frequent first."""
    return dict(Counter(one.kind for one in left_out).most_common())


def report(left_out: Sequence[LeftOut], total: int) -> list[str]:
    """Lines that say how many of a kind there are, each with the first few of their names."""
    lines = []
    for kind, count in counts_of(left_out).items():
        lines.append(f"left out, {kind}: {count} of {total}")
        named = [one for one in left_out if one.kind == kind]
        lines += [f"  {one}" for one in named[:_NAMED]]
        if count > _NAMED:
            lines.append(f"  and {count - _NAMED} more")
    return lines


def refuse(left_out: Sequence[LeftOut], total: int) -> None:
    """Raises: InvalidRequest, where an episode cannot be trained on."""
    bad = [one for one in left_out if one.bad]
    if bad:
        raise InvalidRequest.field(
            "data.bad",
            "\n".join(
                [
                    f"{len(bad)} of {total} episodes cannot be trained on; "
                    'mend them, or say "skip" to go without them',
                    *report(bad, total),
                ]
            ),
        )
