"""Episodes for what they are worth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from thinkimg_agent.trajectory import FORMAT, CallRecord, StopReason, Trajectory, TurnRecord

BOX: dict[str, Any] = {"image": "img_1", "box": {"x0": 1, "y0": 1, "x1": 5, "y1": 5}}


def carried_out() -> CallRecord:
    return CallRecord(name="Crop", arguments=BOX, tool="Crop", request=BOX, observation="img_2")


def refused() -> CallRecord:
    """By the tool itself: the request could be made."""
    return CallRecord(name="Crop", arguments=BOX, tool="Crop", request=BOX, error="outside")


def ill_formed() -> CallRecord:
    """There is the tool, but no request can be made of these arguments."""
    return CallRecord(name="Crop", arguments={"bax": 1}, tool="Crop", error="bax: no such field")


def unknown() -> CallRecord:
    return CallRecord(name="Chop", arguments=BOX, error="there is no tool Chop")


def unreadable() -> CallRecord:
    return CallRecord(name="Crop", arguments='{"image": ', tool="Crop", error="no JSON")


def episode(
    *calls: CallRecord,
    stop: StopReason = StopReason.ANSWERED,
    problems: Sequence[str] = (),
    tokens: int = 10,
) -> Trajectory:
    """A turn for each call, for each problem, and for the answer."""
    turns = [TurnRecord(text="I look.", calls=[call], completion_tokens=tokens) for call in calls]
    turns += [TurnRecord(text="?", problem=one, completion_tokens=tokens) for one in problems]
    if stop is StopReason.ANSWERED:
        turns.append(TurnRecord(text="So it is.", completion_tokens=tokens))
    return Trajectory(
        format=FORMAT,
        sample_id="s",
        question="Which?",
        policy="scripted",
        dialect="hermes",
        coordinates="pixels",
        tools=["Crop"],
        system="",
        turns=turns,
        stop=stop,
        answer="red" if stop is StopReason.ANSWERED else None,
    )
