"""The record of an episode: all that happened, so that it can be looked at, scored,
replayed and learned from."""

from __future__ import annotations

from enum import Enum
from typing import Any

import msgspec

FORMAT = 2
"""Raised when a field changes its meaning; `trajectory_file` reads all formats up to this."""


class StopReason(Enum):
    """Why an episode ended."""

    ANSWERED = "answered"
    TURN_LIMIT = "turn_limit"
    TOKEN_LIMIT = "token_limit"
    IMAGE_LIMIT = "image_limit"
    DEADLINE = "deadline"
    UNPARSEABLE = "unparseable"
    ABORTED = "aborted"
    """The mesh or the policy's server failed: nothing can be learned from this episode."""


class ImageRecord(msgspec.Struct, kw_only=True, omit_defaults=True):
    """An image of the episode; its bytes are in the image folder under the digests."""

    name: str
    digest: str
    width: int
    height: int
    shown_digest: str
    """As the policy saw it."""
    shown_width: int
    shown_height: int
    turn: int = -1
    """The turn whose call made it, counted from 0; -1: it came with the sample."""
    call: int = -1
    """Which call of that turn, counted from 0."""


class CallRecord(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One tool call and what came back."""

    name: str
    arguments: dict[str, Any] | str
    """As the model wrote them, in its own coordinates."""
    call_id: str = ""
    tool: str = ""
    """The tool's own name, where the model used another spelling."""
    image: str = ""
    """The image it was about; empty if none."""
    request: dict[str, Any] = {}
    """As it was sent: coordinates in pixels, images by digest."""
    response: dict[str, Any] | None = None
    """The typed answer in protobuf's JSON, without the bytes of images."""
    error: str = ""
    """What the caller got wrong; empty if nothing."""
    observation: str = ""
    """What the model was shown of it."""
    seconds: float = 0.0


class TurnRecord(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One turn of the model, with what it led to."""

    text: str
    thought: str = ""
    calls: list[CallRecord] = []
    problem: str = ""
    """Why it could not be parsed, as the model was told; empty if it could."""
    finish: str = "stop"
    prompt_tokens: int = 0
    completion_tokens: int = 0
    token_ids: list[int] | None = None
    logprobs: list[float] | None = None
    seconds: float = 0.0
    """What the policy took."""


class Trajectory(msgspec.Struct, kw_only=True, omit_defaults=True):
    """An episode from the question to its end."""

    format: int
    sample_id: str
    sample_index: int | None = None
    """Its place in the task it is of, where it is of one."""
    question: str
    truth: str | None = None
    category: str = ""
    policy: str
    dialect: str
    coordinates: str
    tools: list[str]
    system: str
    """The system prompt, word for word."""
    images: list[ImageRecord] = []
    turns: list[TurnRecord] = []
    stop: StopReason
    stop_detail: str = ""
    answer: str | None = None
    score: float | None = None
    """0 to 1, set by whoever scores it."""
    context_ids: list[int] | None = None
    """(L,) all tokens of the episode as the model saw them, where the policy gives them."""
    sampled: list[tuple[int, int]] | None = None
    """Which of them the model sampled itself: [start, end) for each turn."""
    started_at: float = 0.0
    """Unix time in seconds."""
    seconds: float = 0.0
    pictures: dict[str, bytes] = {}
    """The images' bytes by digest, while in memory; a file keeps them beside itself."""


def verdict_of(trajectory: Trajectory) -> str:
    """How an episode ended, against the truth where that is known."""
    if trajectory.stop is StopReason.ABORTED:
        return "aborted"
    if trajectory.answer is None:
        return "unanswered"
    if trajectory.score is not None:
        return "right" if trajectory.score >= 1 else "wrong"
    if trajectory.truth is None:
        return "answered"
    same = trajectory.answer.strip().casefold() == trajectory.truth.strip().casefold()
    return "right" if same else "wrong"
