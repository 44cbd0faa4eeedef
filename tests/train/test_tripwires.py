"""Tripwires: what they warn of, when they stop, and what they let pass."""

from __future__ import annotations

import pytest

from thinkimg_rpc.errors import InvalidRequest
from thinkimg_train.grpo_config import TripwireSection
from thinkimg_train.tripwires import WIRES, Stopped, Tripwires

WELL = {
    "reward": 0.5,
    "accuracy": 0.5,
    "with_calls": 0.8,
    "answered_at_once": 0.1,
    "repeating": 0.0,
    "episodes": 64.0,
    "mismatch_kl": 1e-4,
}


def warnings(*steps: dict[str, float], **section: object) -> list[str]:
    """The names of those that were touched, in order."""
    wires = Tripwires(TripwireSection(steps=4, **section), with_tools=True)  # type: ignore[arg-type]
    said = [words for step in steps for words in wires.look(WELL | step)]
    return [words.partition(":")[0] for words in said]


def rising(**over: float) -> list[dict[str, float]]:
    return [{name: 0.5 + rise * step for name, rise in over.items()} for step in range(4)]


@pytest.mark.parametrize(
    ("name", "steps"),
    [
        ("no_calls", [{"with_calls": 0.0}] * 4),
        ("format_only", rising(reward=0.1, accuracy=0.01)),
        ("answers_before_evidence", [{"answered_at_once": 0.99}] * 4),
        ("repetition", [{"repeating": 8.0}]),
        ("drift", [{"mismatch_kl": 0.2}]),
    ],
)
def test_each_warns_of_its_own(name: str, steps: list[dict[str, float]]) -> None:
    assert warnings(*steps) == [name]
    assert warnings(*steps[:-1]) == []
    with pytest.raises(Stopped, match=name):
        warnings(*steps, stop=(name,))
    assert warnings(*steps, off=(name,)) == []


def test_all_are_silent_when_all_is_well() -> None:
    assert warnings(*rising(reward=0.1, accuracy=0.1)) == []


def test_a_warning_is_said_once_until_it_was_over() -> None:
    bad = {"mismatch_kl": 0.2}
    assert warnings(bad, bad, {}, bad) == ["drift", "drift"]


def test_a_run_without_tools_is_not_told_that_it_calls_none() -> None:
    wires = Tripwires(TripwireSection(steps=2), with_tools=False)
    assert [wires.look(WELL | {"with_calls": 0.0, "answered_at_once": 1.0})] * 3 == [[]] * 3


def test_a_run_that_goes_on_remembers_the_steps_before() -> None:
    before = [WELL | {"with_calls": 0.0}] * 3
    wires = Tripwires(TripwireSection(steps=4), with_tools=True, before=before)
    assert len(wires.look(WELL | {"with_calls": 0.0})) == 1


def test_one_that_does_not_exist_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="no_calls"):
        Tripwires(TripwireSection(stop=("nocalls",)), with_tools=True)
    assert "no_calls" in WIRES
