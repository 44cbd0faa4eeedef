"""What is wrong with a recorded run: for whoever trains or publishes from it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from thinkimg_agent.trajectory import StopReason, Trajectory
from thinkimg_agent.trajectory_file import image_path
from thinkimg_rpc.digest import digest_of


def problems(trajectory: Trajectory, run: Path) -> Iterator[str]:
    """Where a trajectory contradicts itself, or the images beside it."""
    yield from _image_problems(trajectory, run)
    yield from _turn_problems(trajectory)
    yield from _token_problems(trajectory)
    if (trajectory.stop is StopReason.ANSWERED) != (trajectory.answer is not None):
        yield f"it ended as {trajectory.stop.value}, and its answer is {trajectory.answer!r}"


def _image_problems(trajectory: Trajectory, run: Path) -> Iterator[str]:
    for number, image in enumerate(trajectory.images, 1):
        if image.name != f"img_{number}":
            yield f"image {number} is called {image.name}"
        for digest in {image.digest, image.shown_digest}:
            path = image_path(run, digest)
            if path is None:
                yield f"{image.name}: no file of digest {digest[:12]}… in the image folder"
            elif digest_of(path.read_bytes()) != digest:
                yield f"{image.name}: {path.name} holds something else than its digest says"
        if image.turn >= len(trajectory.turns) or (
            image.turn >= 0 and image.call >= len(trajectory.turns[image.turn].calls)
        ):
            yield f"{image.name} came from a call that is not there"


def _turn_problems(trajectory: Trajectory) -> Iterator[str]:
    names = {image.name for image in trajectory.images}
    for number, turn in enumerate(trajectory.turns, 1):
        if turn.problem and turn.calls:
            yield f"turn {number} could not be parsed and has calls"
        for call in turn.calls:
            if call.image and call.image not in names:
                yield f"turn {number}: {call.name} is about {call.image}, which is not there"
            if bool(call.error) == (call.response is not None):
                yield f"turn {number}: {call.name} needs either an answer or an error"


def _token_problems(trajectory: Trajectory) -> Iterator[str]:
    for number, turn in enumerate(trajectory.turns, 1):
        sampled, logprobs = len(turn.token_ids or ()), len(turn.logprobs or ())
        if turn.token_ids is not None and turn.logprobs is not None and sampled != logprobs:
            yield f"turn {number} has {sampled} tokens and {logprobs} log-probabilities"
    if trajectory.context_ids is None or trajectory.sampled is None:
        return
    spans = zip(trajectory.sampled, trajectory.turns, strict=False)
    for number, ((start, end), turn) in enumerate(spans, 1):
        if trajectory.context_ids[start:end] != turn.token_ids:
            yield f"turn {number}: its tokens are not where the context has them"
