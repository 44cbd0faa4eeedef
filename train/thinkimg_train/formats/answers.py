"""The same questions without tools: what a model learns that only learns to answer."""

from __future__ import annotations

import msgspec

from thinkimg_agent.coordinates import CoordinateSpace
from thinkimg_agent.dialects import DIALECTS
from thinkimg_agent.reply import Reply
from thinkimg_agent.trajectory import StopReason, Trajectory, TurnRecord


def answer_only(trajectory: Trajectory) -> Trajectory:
    """An episode of that question with no tools, no thought, and the right answer at once."""
    dialect = DIALECTS[trajectory.dialect](CoordinateSpace(trajectory.coordinates))
    answer = trajectory.answer if trajectory.truth is None else trajectory.truth
    images = [image for image in trajectory.images if image.turn < 0]
    digests = {digest for image in images for digest in (image.digest, image.shown_digest)}
    return msgspec.structs.replace(
        trajectory,
        policy="truth",
        tools=[],
        system=dialect.instructions([]),
        images=images,
        turns=[TurnRecord(text=dialect.write(Reply(answer=answer or "")))],
        stop=StopReason.ANSWERED,
        stop_detail="",
        answer=answer,
        score=1.0,
        context_ids=None,
        sampled=None,
        pictures={name: data for name, data in trajectory.pictures.items() if name in digests},
    )
