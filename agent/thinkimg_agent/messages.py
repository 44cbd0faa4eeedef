"""The messages of an episode: what opens it, and what each turn leads to.

An episode makes them while it happens, a trainer makes them again from its record:
a model learns from the very contexts it will meet.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from thinkimg_agent.conversation import Message, Part, numbered
from thinkimg_agent.dialects import Dialect
from thinkimg_agent.images import EpisodeImage
from thinkimg_agent.reply import Reply, WrittenCall
from thinkimg_agent.tool_calls import Observed
from thinkimg_agent.trajectory import ImageRecord, Trajectory, TurnRecord

ImageOf = Callable[[ImageRecord], EpisodeImage]


def opening(system: str, images: Sequence[EpisodeImage], question: str) -> list[Message]:
    """What an episode starts from."""
    pictures: list[Part] = [part for image in images for part in numbered(image)]
    return [Message("system", (system,)), Message("user", (*pictures, question))]


def problem(words: str) -> Message:
    """What is said to a turn that cannot be parsed."""
    return Message("user", (f"Error: {words}",))


def observations(dialect: Dialect, reply: Reply, observed: Sequence[Observed]) -> list[Message]:
    """The messages that show what a turn's calls led to: all text first, then new images."""
    results = [(one.record.tool or one.record.name, one.record.observation) for one in observed]
    pictures = [part for one in observed for image in one.images for part in numbered(image)]
    if not any(call.id for call in reply.calls):
        return [Message("user", (dialect.observation(results), *pictures))]
    # A server with calls of its own wants each result under its call's id, as text.
    answers = [
        Message("tool", (text,), call_id=call.id)
        for call, (_, text) in zip(reply.calls, results, strict=True)
    ]
    return [*answers, Message("user", tuple(pictures))] if pictures else list(answers)


def images_seen(trajectory: Trajectory) -> list[ImageRecord]:
    """Those that the model saw in its last turn or before, in their order."""
    return [image for image in trajectory.images if image.turn + 1 < len(trajectory.turns)]


def conversation_of(
    trajectory: Trajectory, dialect: Dialect, image_of: ImageOf, *, as_sampled: bool
) -> list[Message]:
    """The messages of a recorded episode, up to its last turn.

    With `as_sampled`, turns carry the tokens they were sampled as, where these are known.
    """
    shown = [(record, image_of(record)) for record in images_seen(trajectory)]
    conversation = opening(
        trajectory.system,
        [image for record, image in shown if record.turn < 0],
        trajectory.question,
    )
    for number, turn in enumerate(trajectory.turns):
        ids = turn.token_ids if as_sampled else None
        calls = tuple(
            WrittenCall(call.name, call.arguments, id=call.call_id) for call in turn.calls
        )
        conversation.append(
            Message(
                "assistant",
                (turn.text,),
                calls=tuple(call for call in calls if call.id),
                token_ids=None if ids is None else tuple(ids),
            )
        )
        if number + 1 < len(trajectory.turns):
            conversation += _led_to(turn, dialect, calls, number, shown)
    return conversation


def _led_to(
    turn: TurnRecord,
    dialect: Dialect,
    calls: Sequence[WrittenCall],
    number: int,
    shown: Sequence[tuple[ImageRecord, EpisodeImage]],
) -> list[Message]:
    if turn.problem:
        return [problem(turn.problem)]
    observed = [
        Observed(
            call,
            tuple(image for made, image in shown if (made.turn, made.call) == (number, index)),
        )
        for index, call in enumerate(turn.calls)
    ]
    return observations(dialect, Reply(calls=tuple(calls)), observed)
