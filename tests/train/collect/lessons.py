"""Trajectories for tests of the rules: what is not said is as it should be."""

from __future__ import annotations

import json
from typing import Any

from thinkimg_agent.dialects import HermesDialect
from thinkimg_agent.reply import Reply, WrittenCall
from thinkimg_agent.trajectory import (
    FORMAT,
    CallRecord,
    ImageRecord,
    StopReason,
    Trajectory,
    TurnRecord,
)

DIALECT = HermesDialect()


def call(
    name: str = "OCR", observation: Any = "", *, error: str = "", **arguments: Any
) -> CallRecord:
    """A call that gave this, or failed with this."""
    asked = {"image": "img_1", **arguments}
    return CallRecord(
        name=name,
        tool=name,
        arguments=asked,
        request=asked,
        response=None if error else {},
        error=error,
        observation=f"Error: {error}" if error else json.dumps(observation),
    )


def read(*texts: str) -> CallRecord:
    """What OCR gives."""
    return call("OCR", {"spans": [{"text": text, "box": [1, 2, 30, 40]} for text in texts]})


def turn(thought: str, *calls: CallRecord, answer: str | None = None) -> TurnRecord:
    said = Reply(thought, tuple(WrittenCall(c.name, c.arguments) for c in calls), answer)
    return TurnRecord(text=DIALECT.write(said), thought=thought, calls=list(calls))


def lesson(
    *turns: TurnRecord,
    question: str = "Which city is the highest?",
    answer: str | None = "Lima",
    made_in: tuple[int, ...] = (),
    **changed: Any,
) -> Trajectory:
    """An episode with these turns, and then the answer; `made_in`: turns that made an image."""
    images = [_image(f"img_{at}", turn) for at, turn in enumerate((-1, *made_in), 1)]
    end = [] if answer is None else [turn("So it is.", answer=answer)]
    values: dict[str, Any] = {
        "format": FORMAT,
        "sample_id": "q1",
        "sample_index": 0,
        "question": question,
        "truth": answer,
        "policy": "teacher",
        "dialect": "hermes",
        "coordinates": "pixels",
        "tools": ["OCR", "Crop"],
        "system": "Answer.",
        "images": images,
        "turns": [*turns, *end],
        "stop": StopReason.ANSWERED,
        "answer": answer,
        "score": 1.0,
    }
    return Trajectory(**{**values, **changed})


def _image(name: str, made: int) -> ImageRecord:
    return ImageRecord(
        name=name,
        digest=f"{name}-bytes",
        width=8,
        height=6,
        shown_digest=f"{name}-bytes",
        shown_width=8,
        shown_height=6,
        turn=made,
        call=-1 if made < 0 else 0,
    )
