"""What a run comes to: accuracy, by category and by tool use, and what a question costs."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import msgspec

from thinkimg_agent.trajectory import Trajectory
from thinkimg_eval.report.intervals import Estimate, estimate
from thinkimg_eval.report.results import (
    NO_SUCH_TOOL,
    Result,
)
from thinkimg_eval.run.origin import Origin

INTERVAL = (
    "95%; Wilson for scores of 0 and 1, at the number of questions that are as good as "
    "independent, else bootstrap over images"
)


class Spread(msgspec.Struct, kw_only=True, frozen=True):
    """Figures of many questions."""

    mean: float
    median: float
    p95: float


class ToolUse(msgspec.Struct, kw_only=True, frozen=True):
    """What a tool did in a run."""

    calls: int
    caller_errors: int
    accuracy: Estimate
    """Of the questions in which it was used."""
    seconds: Spread
    """Of a call."""


class ToolsUse(msgspec.Struct, kw_only=True, frozen=True):
    """What the tools did together."""

    used: Estimate
    """Of the questions in which any tool was used."""
    not_used: Estimate
    calls_per_question: float
    caller_errors: int
    by_tool: dict[str, ToolUse]


class Cost(msgspec.Struct, kw_only=True, frozen=True):
    """What a question takes."""

    prompt_tokens: Spread
    completion_tokens: Spread
    turns: Spread
    seconds: Spread
    policy_seconds: Spread
    tool_seconds: Spread

    def by_name(self) -> dict[str, Spread]:
        """As people are told of it."""
        return {
            "tokens read": self.prompt_tokens,
            "tokens written": self.completion_tokens,
            "turns": self.turns,
            "seconds": self.seconds,
            "policy seconds": self.policy_seconds,
            "tool seconds": self.tool_seconds,
        }


class Summary(msgspec.Struct, kw_only=True, frozen=True):
    """`summary.json`."""

    run: Origin
    questions: int
    """That the run is of."""
    done: int
    """Of them, with those that were broken off."""
    aborted: int
    """Broken off by the mesh or the policy's server, and counted nowhere else."""
    accuracy: Estimate
    accuracy_without: dict[str, Estimate]
    """Of the questions that are not of a category that is told apart, by that category."""
    interval: str
    categories: dict[str, Estimate]
    endings: dict[str, int]
    unparseable_turns: int
    tools: ToolsUse
    cost: Cost | None
    """None: no question is done yet."""


class Times(msgspec.Struct, kw_only=True, frozen=True):
    """How long the parts of an episode took, in seconds."""

    all_s: float
    policy_s: float
    calls_s: dict[str, list[float]]


def summary_of(origin: Origin, results: Sequence[Result], times: Sequence[Times]) -> Summary:
    """What results come to; `times` are those of the same questions."""
    return Summary(
        run=origin,
        questions=origin.task.questions,
        done=len(results),
        aborted=sum(one.score is None for one in results),
        accuracy=accuracy_of(results),
        accuracy_without={
            category: accuracy_of([one for one in results if one.category != category])
            for category in origin.task.apart
        },
        interval=INTERVAL,
        categories={
            category: accuracy_of([one for one in results if one.category == category])
            for category in sorted({one.category for one in results if one.category})
        },
        endings=dict(Counter(one.stop for one in results).most_common()),
        unparseable_turns=sum(one.unparseable_turns for one in results),
        tools=_tools_use(results, times),
        cost=_cost(results, times) if results else None,
    )


def by_category(summary: Summary) -> dict[str, Estimate]:
    """As people are told of it: each category, then all but those that are told apart."""
    without = summary.accuracy_without.items()
    return summary.categories | {f"all but {name}": one for name, one in without}


def accuracy_of(results: Iterable[Result]) -> Estimate:
    """The mean score of those that have one."""
    scored = [(one.score, one.image or one.sample_id) for one in results if one.score is not None]
    return estimate([score for score, _ in scored], [image for _, image in scored])


def times_of(trajectory: Trajectory) -> Times:
    calls: dict[str, list[float]] = {}
    for turn in trajectory.turns:
        for call in turn.calls:
            calls.setdefault(call.tool or NO_SUCH_TOOL, []).append(call.seconds)
    return Times(
        all_s=trajectory.seconds,
        policy_s=sum(turn.seconds for turn in trajectory.turns),
        calls_s=calls,
    )


def _tools_use(results: Sequence[Result], times: Sequence[Times]) -> ToolsUse:
    names = sorted({name for one in results for name in one.calls})
    return ToolsUse(
        used=accuracy_of(one for one in results if one.calls),
        not_used=accuracy_of(one for one in results if not one.calls),
        calls_per_question=_mean(sum(one.calls.values()) for one in results),
        caller_errors=sum(sum(one.caller_errors.values()) for one in results),
        by_tool={name: _tool_use(name, results, times) for name in names},
    )


def _tool_use(name: str, results: Sequence[Result], times: Sequence[Times]) -> ToolUse:
    return ToolUse(
        calls=sum(one.calls.get(name, 0) for one in results),
        caller_errors=sum(one.caller_errors.get(name, 0) for one in results),
        accuracy=accuracy_of(one for one in results if name in one.calls),
        seconds=spread([s for one in times for s in one.calls_s.get(name, [])]),
    )


def _cost(results: Sequence[Result], times: Sequence[Times]) -> Cost:
    def of(figure: Callable[[Result], float]) -> Spread:
        return spread([figure(one) for one in results])

    return Cost(
        prompt_tokens=of(lambda one: one.prompt_tokens),
        completion_tokens=of(lambda one: one.completion_tokens),
        turns=of(lambda one: one.turns),
        seconds=spread([one.all_s for one in times]),
        policy_seconds=spread([one.policy_s for one in times]),
        tool_seconds=spread([sum(map(sum, one.calls_s.values())) for one in times]),
    )


def spread(values: Sequence[float]) -> Spread:
    """Mean, median and the 95th of a hundred; of at least one value."""
    ordered = sorted(values)
    return Spread(
        mean=round(_mean(ordered), 6),
        median=round(statistics.median(ordered), 6),
        p95=round(ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))], 6),
    )


def _mean(values: Iterable[float]) -> float:
    listed = list(values)
    return sum(listed) / len(listed) if listed else 0.0
