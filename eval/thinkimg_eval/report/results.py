"""An entry for each question: what can be said of it that is the same each time."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import msgspec

from thinkimg_agent.trajectory import StopReason, Trajectory, verdict_of
from thinkimg_eval.run.origin import Origin
from thinkimg_rpc.errors import InvalidRequest

RESULTS = "results.json"
NO_SUCH_TOOL = "no such tool"


class Result(msgspec.Struct, kw_only=True, frozen=True):
    """How one question went. No times: two runs that went alike are equal."""

    index: int
    sample_id: str
    category: str
    question: str
    verdict: str
    """"right", "wrong", "unanswered" or "aborted"."""
    score: float | None
    """None: aborted, and to be counted neither as right nor as wrong."""
    answer: str | None
    truth: str | None
    stop: str
    stop_detail: str
    turns: int
    calls: dict[str, int]
    """Of each tool."""
    caller_errors: dict[str, int]
    """Calls of each tool that were refused."""
    unparseable_turns: int
    prompt_tokens: int
    """Of all turns together: each is shown all that came before it."""
    completion_tokens: int
    image: str
    """The digest of the first image. Questions about one image are not independent."""


class Results(msgspec.Struct, kw_only=True, frozen=True):
    """`results.json`."""

    run: Origin
    results: list[Result]


def result_of(trajectory: Trajectory, prompt: str = "") -> Result:
    """What a trajectory of a run comes to; `prompt` is what the task puts after each question."""
    calls = [call for turn in trajectory.turns for call in turn.calls]
    return Result(
        index=trajectory.sample_index or 0,
        sample_id=trajectory.sample_id,
        category=trajectory.category,
        question=trajectory.question.removesuffix(f"\n{prompt}") if prompt else trajectory.question,
        verdict=verdict_of(trajectory),
        score=None if trajectory.stop is StopReason.ABORTED else trajectory.score,
        answer=trajectory.answer,
        truth=trajectory.truth,
        stop=trajectory.stop.value,
        stop_detail=trajectory.stop_detail,
        turns=len(trajectory.turns),
        calls=_sorted(Counter(call.tool or NO_SUCH_TOOL for call in calls)),
        caller_errors=_sorted(Counter(call.tool or NO_SUCH_TOOL for call in calls if call.error)),
        unparseable_turns=sum(bool(turn.problem) for turn in trajectory.turns),
        prompt_tokens=sum(turn.prompt_tokens for turn in trajectory.turns),
        completion_tokens=sum(turn.completion_tokens for turn in trajectory.turns),
        image=trajectory.images[0].digest if trajectory.images else "",
    )


def read_results(run: Path) -> Results:
    """Those of a run's folder. Raises: InvalidRequest, when it has none."""
    path = run / RESULTS
    try:
        return msgspec.json.decode(path.read_bytes(), type=Results)
    except OSError as error:
        raise InvalidRequest(
            f"{run} has no {RESULTS}; `thinkimg eval report {run}` writes it"
        ) from error
    except msgspec.DecodeError as error:
        raise InvalidRequest(
            f"{path} is of another version or broken ({error}); `thinkimg eval report {run}` "
            "writes it anew"
        ) from error


def _sorted(counts: Counter[str]) -> dict[str, int]:
    return {name: counts[name] for name in sorted(counts)}
