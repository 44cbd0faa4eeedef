"""Writing an episode down while it happens."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from thinkimg_agent.conversation import Message
from thinkimg_agent.dialects import Dialect
from thinkimg_agent.images import EpisodeImage, EpisodeImages
from thinkimg_agent.policies.policy import Generation
from thinkimg_agent.sample import Sample
from thinkimg_agent.tool_calls import Observed
from thinkimg_agent.trajectory import FORMAT, ImageRecord, StopReason, Trajectory, TurnRecord
from thinkimg_rpc.contract import ToolContract

if TYPE_CHECKING:
    from thinkimg_agent.episode import Limits

T = TypeVar("T")
OnTurn = Callable[[TurnRecord], None]
"""Told of each turn once all that it led to is known."""


class Recording:
    """The trajectory of one episode, as far as it has come."""

    def __init__(
        self,
        sample: Sample,
        policy: str,
        dialect: Dialect,
        tools: Sequence[ToolContract],
        opening: Sequence[Message],
        images: EpisodeImages,
        on_turn: OnTurn,
    ) -> None:
        self._on_turn = on_turn
        self._told = 0
        self._started = time.perf_counter()
        self._images = images
        self._trajectory = Trajectory(
            format=FORMAT,
            sample_id=sample.id,
            question=sample.question,
            truth=sample.truth,
            category=sample.category,
            policy=policy,
            dialect=dialect.name,
            coordinates=dialect.space.value,
            tools=[tool.name for tool in tools],
            system=opening[0].text,
            images=[image_record(image) for image in images],
            stop=StopReason.ABORTED,
            started_at=time.time(),
        )
        self._context_tokens = 0
        self._last: Generation | None = None

    def limit_reached(self, limits: Limits) -> StopReason | None:
        """The limit that leaves no room for a further turn."""
        if len(self._trajectory.turns) >= limits.max_turns:
            return StopReason.TURN_LIMIT
        if self._context_tokens >= limits.max_context_tokens:
            return StopReason.TOKEN_LIMIT
        if len(self._trajectory.images) > limits.max_images:
            return StopReason.IMAGE_LIMIT
        return None

    def room_for_turn(self, limits: Limits) -> int:
        """The most tokens that the next turn may take."""
        return min(limits.max_turn_tokens, limits.max_context_tokens - self._context_tokens)

    def turn(self, generation: Generation, seconds: float) -> TurnRecord:
        """Write down what the policy said."""
        self._last = generation
        self._context_tokens = generation.prompt_tokens + generation.completion_tokens
        record = TurnRecord(
            text=generation.text,
            finish=generation.finish,
            prompt_tokens=generation.prompt_tokens,
            completion_tokens=generation.completion_tokens,
            token_ids=_listed(generation.token_ids),
            logprobs=_listed(generation.logprobs),
            seconds=seconds,
        )
        self._trajectory.turns.append(record)
        return record

    def calls(self, turn: TurnRecord, observed: Sequence[Observed]) -> None:
        """Write down what the calls of a turn led to."""
        number = len(self._trajectory.turns) - 1
        for index, one in enumerate(observed):
            turn.calls.append(one.record)
            for image in one.images:
                self._trajectory.images.append(image_record(image, turn=number, call=index))

    def finish_turn(self) -> None:
        """Nothing more will be written down of the last turn."""
        turns = self._trajectory.turns
        if self._told < len(turns):
            self._told = len(turns)
            self._on_turn(turns[-1])

    def end(self, stop: StopReason, detail: str = "", *, answer: str | None = None) -> Trajectory:
        """The whole trajectory."""
        self.finish_turn()
        trajectory = self._trajectory
        trajectory.stop, trajectory.stop_detail, trajectory.answer = stop, detail, answer
        trajectory.seconds = time.perf_counter() - self._started
        for image in self._images:
            trajectory.pictures[image.digest] = image.data
            trajectory.pictures[image.shown_digest] = image.shown
        if self._last is not None and self._last.prompt_ids is not None:
            trajectory.context_ids = [*self._last.prompt_ids, *(self._last.token_ids or ())]
            # A turn's tokens stand right after the context that it answered.
            trajectory.sampled = [
                (turn.prompt_tokens, turn.prompt_tokens + len(turn.token_ids or ()))
                for turn in trajectory.turns
            ]
        return trajectory


def image_record(image: EpisodeImage, *, turn: int = -1, call: int = -1) -> ImageRecord:
    view = image.view
    return ImageRecord(
        name=image.name,
        digest=image.digest,
        width=view.width,
        height=view.height,
        shown_digest=image.shown_digest,
        shown_width=view.shown_width,
        shown_height=view.shown_height,
        turn=turn,
        call=call,
    )


def _listed(values: Sequence[T] | None) -> list[T] | None:
    return None if values is None else list(values)
