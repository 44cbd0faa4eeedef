"""What goes wrong in reinforcement learning while the reward still looks well."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence

from thinkimg_rpc.errors import InvalidRequest, ThinkImgError
from thinkimg_train.grpo_config import TripwireSection

Numbers = Mapping[str, float]
"""What was noted of a step."""
Wire = Callable[[Sequence[Numbers], TripwireSection], str]
"""What is wrong in the last steps, the newest last; empty: nothing."""


class Stopped(ThinkImgError):
    """A tripwire that is to stop the run was touched."""


def no_calls(steps: Sequence[Numbers], section: TripwireSection) -> str:
    """Hardly an episode calls a tool any more."""
    if not _always(steps, lambda one: one.get("with_calls", 1.0) < section.few_calls):
        return ""
    return "the policy calls no tools: look at reward.weights, and at whether tools ever help"


def format_only(steps: Sequence[Numbers], section: TripwireSection) -> str:
    """The reward rises, and the answers are not better for it."""
    half = len(steps) // 2
    before, after = steps[:half], steps[half:]
    reward = _mean(after, "reward") - _mean(before, "reward")
    accuracy = _mean(after, "accuracy") - _mean(before, "accuracy")
    if reward < section.reward_rise or accuracy > reward / 5:
        return ""
    return (
        f"the reward rose by {reward:.2g} and the accuracy by {accuracy:.2g}: what rises is what "
        "is easy, lower its weight"
    )


def answers_before_evidence(steps: Sequence[Numbers], section: TripwireSection) -> str:
    """Nearly all episodes answer without a tool that has shown them anything."""
    if not _always(steps, lambda one: one.get("answered_at_once", 0.0) > section.at_once):
        return ""
    return "answers come before any tool has shown something"


def repetition(steps: Sequence[Numbers], section: TripwireSection) -> str:
    """Turns are one token over and over."""
    last = steps[-1]
    share = last.get("repeating", 0.0) / max(1.0, last.get("episodes", 1.0))
    if share <= section.repeating:
        return ""
    return f"{share:.0%} of the episodes repeat one token: lower schedule.learning_rate"


def drift(steps: Sequence[Numbers], section: TripwireSection) -> str:
    """The sampler's probabilities are no longer the trainer's."""
    apart = steps[-1].get("mismatch_kl", 0.0)
    if apart <= section.mismatch_kl:
        return ""
    return (
        f"the sampler's probabilities are {apart:.2g} nats from the trainer's: have the weights "
        "been handed over?"
    )


WIRES: dict[str, Wire] = {
    "no_calls": no_calls,
    "format_only": format_only,
    "answers_before_evidence": answers_before_evidence,
    "repetition": repetition,
    "drift": drift,
}
"""By the name that a configuration has for them."""
_AT_ONCE = ("repetition", "drift")
"""Those that look at the last step only; the others wait until there are enough."""


class Tripwires:
    """Watches the steps of a run."""

    def __init__(
        self, section: TripwireSection, *, with_tools: bool, before: Iterable[Numbers] = ()
    ) -> None:
        """`before`: what was noted of the steps before, where a run goes on.

        Raises: InvalidRequest, when the section names a tripwire that there is not.
        """
        for name in (*section.stop, *section.off):
            if name not in WIRES:
                raise InvalidRequest.field(
                    "tripwires", f'there is no "{name}"; there are {", ".join(WIRES)}'
                )
        self._section = section
        needless = () if with_tools else ("no_calls", "answers_before_evidence")
        off = {*section.off, *needless}
        self._wires = {name: wire for name, wire in WIRES.items() if name not in off}
        self._steps = deque(before, maxlen=section.steps)
        self._touched: set[str] = set()

    def look(self, numbers: Numbers) -> list[str]:
        """What has gone wrong with this step, as "NAME: words"; once each time it begins.

        Raises: Stopped.
        """
        self._steps.append(numbers)
        steps = list(self._steps)
        said = []
        for name, wire in self._wires.items():
            enough = name in _AT_ONCE or len(steps) == self._section.steps
            words = wire(steps, self._section) if enough else ""
            if not words:
                self._touched.discard(name)
                continue
            if name in self._section.stop:
                raise Stopped(f"{name}: {words} (tripwires.stop names it)")
            if name not in self._touched:
                self._touched.add(name)
                said.append(f"{name}: {words}")
        return said


def _always(steps: Sequence[Numbers], holds: Callable[[Numbers], bool]) -> bool:
    return all(holds(one) for one in steps)


def _mean(steps: Sequence[Numbers], name: str) -> float:
    return sum(one.get(name, 0.0) for one in steps) / max(1, len(steps))
