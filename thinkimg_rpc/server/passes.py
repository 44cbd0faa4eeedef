"""One pass of a tool that answers several calls at once, and whose fault it is if it fails."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from typing import Any

from google.protobuf.message import Message

from thinkimg_rpc.errors import Cancelled, DeadlineExceeded, ThinkImgError
from thinkimg_rpc.server.awaited import Awaited
from thinkimg_rpc.server.faults import fault_of
from thinkimg_rpc.server.results import Kept
from thinkimg_rpc.tool import Call, Tool

logger = logging.getLogger(__name__)


class Passenger(Awaited[Kept]):
    """A call that waits for a pass, with the images it needs."""

    __slots__ = ("arrived", "call", "request")

    def __init__(self, deadline: float | None, arrived: float) -> None:
        super().__init__(deadline)
        self.arrived = arrived
        """On `time.monotonic()`'s clock."""
        self.request: Message
        self.call: Call

    def slack_s(self, now: float) -> float:
        """Seconds left at `now`; infinity without a deadline."""
        return math.inf if self.deadline is None else self.deadline - now


class Passes:
    """Runs passes of one tool, in the thread that calls it."""

    def __init__(self, tool: Tool[Any, Any], name: str, worker_id: str) -> None:
        self._tool = tool
        self._name = name
        self._worker_id = worker_id

    def run(self, passengers: Sequence[Passenger]) -> list[Kept | ThinkImgError]:
        """The answer or the error of each.

        A pass that fails says nothing of the single calls, so each is tried alone;
        if one of them just lost its caller, the others go together once more.
        """
        try:
            return self._together(passengers)
        except BaseException as error:
            if len(passengers) == 1:
                return [self._told(error)]
            lost = [_lost(passenger) for passenger in passengers]
            if isinstance(error, Cancelled | DeadlineExceeded) and any(lost) and not all(lost):
                waiting = [p for p, gone in zip(passengers, lost, strict=True) if gone is None]
                answers = iter(self.run(waiting))
                return [next(answers) if gone is None else gone for gone in lost]
            logger.warning(
                "pass_failed",
                extra={"tool": self._name, "calls": len(passengers), "error": type(error).__name__},
            )
            return [_lost(passenger) or self.run([passenger])[0] for passenger in passengers]

    def _together(self, passengers: Sequence[Passenger]) -> list[Kept | ThinkImgError]:
        answers = self._tool.run_batch(
            [passenger.request for passenger in passengers],
            [passenger.call for passenger in passengers],
        )
        if len(answers) != len(passengers):
            problem = f"run_batch gave {len(answers)} answers to {len(passengers)} requests"
            fault = fault_of(ValueError(problem), self._name, self._worker_id)
            return [fault] * len(passengers)
        return [self._outcome(answer) for answer in answers]

    def _told(self, error: BaseException) -> ThinkImgError:
        if isinstance(error, ThinkImgError):
            return error
        return fault_of(error, self._name, self._worker_id)

    def _outcome(self, answer: object) -> Kept | ThinkImgError:
        if isinstance(answer, ThinkImgError):
            return answer
        try:
            if not isinstance(answer, Message):
                raise TypeError(f"run_batch answered a request with {type(answer).__name__}")
            return Kept.of(answer)
        except Exception as error:
            return fault_of(error, self._name, self._worker_id)


def _lost(passenger: Passenger) -> ThinkImgError | None:
    """Why nobody waits for this one any more."""
    try:
        passenger.remaining_s()
    except (Cancelled, DeadlineExceeded) as error:
        return error
    return None
