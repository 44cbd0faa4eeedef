"""An episode in each dialect, as it was when it was last written down on purpose.

What the policy saw, word for word, and the trajectory, byte for byte, times aside.
After a change that is meant, write them anew, and read the difference:

    THINKIMG_WRITE_GOLDEN=1 python -m pytest tests/agent/test_golden.py
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from thinkimg_agent.conversation import Message
from thinkimg_agent.coordinates import CoordinateSpace
from thinkimg_agent.dialects import Dialect, HermesDialect, NativeDialect, OpenThinkImgDialect
from thinkimg_agent.episode import Limits, run_episode
from thinkimg_agent.images import EpisodeImage
from thinkimg_agent.policies import Generation
from thinkimg_agent.replay import turns_of
from thinkimg_agent.reply import Reply, WrittenCall
from thinkimg_agent.sample import Sample
from thinkimg_agent.trajectory import Trajectory
from thinkimg_agent.trajectory_file import read_line
from thinkimg_rpc.client import Mesh
from thinkimg_rpc.imaging.codec import decode, encode_png
from thinkimg_rpc.tool import Tool
from thinkimg_workers.crop import Crop
from thinkimg_workers.draw_horizontal_line_by_y import DrawHorizontalLineByY
from thinkimg_workers.draw_vertical_line_by_x import DrawVerticalLineByX

from .episodes import Watching, box

GOLDEN = Path(__file__).with_name("golden")
WIDTH, HEIGHT = 96, 64
TIMES = {"started_at", "seconds"}


@dataclass(frozen=True)
class Golden:
    """One dialect, and what the policy says in it."""

    dialect: Dialect
    script: tuple[Generation, ...]

    @property
    def file(self) -> Path:
        return GOLDEN / f"{self.dialect.name}.json"


def picture() -> bytes:
    """Three bars on white."""
    pixels = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    for number, color in enumerate([(200, 40, 40), (40, 160, 60), (40, 80, 200)]):
        pixels[20 + 12 * number : HEIGHT - 4, 12 + 28 * number : 28 + 28 * number] = color
    return encode_png(pixels)


SAMPLE = Sample("bars", "Which bar is highest?", (picture(),), truth="red", category="extreme")


def replies(far_x: float, far_y: float, half_x: float, half_y: float) -> list[Reply]:
    """Zoom and draw at once; two mistakes; the first image again, by its name; the answer."""
    # Nothing here is resized but to exactly half: rounding is the library's affair.
    quarter = box(0, 0, half_x, half_y)
    return [
        Reply(
            "Zoom in, and draw a line.",
            (
                WrittenCall("Crop", {"image": "img_1", "box": quarter}),
                WrittenCall("DrawHorizontalLineByY", {"image": "img_1", "y": half_y}),
            ),
        ),
        Reply(
            "",
            (
                WrittenCall("Crop", {"image": "img_2", "box": box(0, 0, far_x * 2, far_y)}),
                WrittenCall("Zoom", {"image": "img_2"}),
            ),
        ),
        Reply(
            "Back to the first image.",
            (
                WrittenCall("draw_vertical_line_by_x", {"image": "img_1", "x": half_x}),
                WrittenCall("Crop", {"image": "img_4", "box": quarter}),
            ),
        ),
        Reply("The left one.", answer="red"),
    ]


def in_text(dialect: Dialect, said: list[Reply], slip: str) -> Golden:
    """The turns as text, with one that is no turn before the last, and tokens of a model."""
    texts = [dialect.write(reply) for reply in said]
    texts.insert(3, slip)
    script, context = [], [1, 2, 3]
    for number, text in enumerate(texts):
        sampled = [100 + number, 200 + number]
        script.append(
            Generation(
                text,
                prompt_tokens=len(context),
                completion_tokens=len(sampled),
                prompt_ids=tuple(context),
                token_ids=tuple(sampled),
                logprobs=(-0.5, -0.25),
            )
        )
        context += [*sampled, 7, 8]
    return Golden(dialect, tuple(script))


def in_calls(dialect: Dialect, said: list[Reply]) -> Golden:
    """The turns as a server with calls of its own gives them."""
    script = [
        Generation(
            dialect.write(reply),
            calls=tuple(
                WrittenCall(call.name, json.dumps(call.arguments), id=f"call_{number}_{index}")
                for index, call in enumerate(reply.calls)
            ),
        )
        for number, reply in enumerate(said)
    ]
    script.insert(3, Generation("<answer>red</answer> or <answer>blue</answer>"))
    return Golden(dialect, tuple(script))


ALL = {
    golden.dialect.name: golden
    for golden in (
        # The policy sees a quarter of the pixels, and counts those.
        in_text(
            OpenThinkImgDialect(CoordinateSpace.PIXELS),
            replies(WIDTH // 2, HEIGHT // 2, WIDTH // 4, HEIGHT // 4),
            "Terminate: red",
        ),
        in_text(
            HermesDialect(CoordinateSpace.THOUSANDTHS),
            replies(1000, 1000, 500, 500),
            "<answer>red",
        ),
        in_calls(NativeDialect(CoordinateSpace.FRACTIONS), replies(1, 1, 0.5, 0.5)),
    )
}


@pytest.fixture
async def mesh() -> AsyncIterator[Mesh]:
    tools: list[type[Tool[Any, Any]]] = [Crop, DrawHorizontalLineByY, DrawVerticalLineByX]
    async with Mesh.local(tools) as mesh:
        yield mesh


@pytest.mark.parametrize("name", list(ALL))
async def test_an_episode_goes_as_it_went(mesh: Mesh, name: str) -> None:
    golden = ALL[name]
    written = await record(mesh, golden.dialect, golden.script)
    if os.environ.get("THINKIMG_WRITE_GOLDEN") == "1":
        golden.file.write_text(written)
    assert written == golden.file.read_text()


@pytest.mark.parametrize("name", list(ALL))
async def test_the_turns_of_a_trajectory_lead_to_the_same_trajectory(mesh: Mesh, name: str) -> None:
    golden = ALL[name]
    kept = json.loads(golden.file.read_text())["trajectory"]
    trajectory = read_line(json.dumps(kept).encode())
    written = await record(mesh, golden.dialect, tuple(turns_of(trajectory)))
    assert written == golden.file.read_text()


async def test_a_later_turn_that_names_the_first_image_is_about_that(mesh: Mesh) -> None:
    """Held against the pixels themselves, not against what was once written down."""
    golden = ALL["hermes"]
    trajectory, _ = await run(mesh, golden.dialect, golden.script)
    images = {image.name: image for image in trajectory.images}
    drawn = images["img_4"]
    assert (drawn.turn, drawn.call) == (2, 0)
    before = decode(SAMPLE.images[0], max_pixels=10**6)
    after = decode(trajectory.pictures[drawn.digest], max_pixels=10**6)
    changed = np.flatnonzero((before != after).any(axis=(0, 2)))
    assert changed.tolist() == [WIDTH // 2]


async def run(
    mesh: Mesh, dialect: Dialect, script: tuple[Generation, ...]
) -> tuple[Trajectory, Watching]:
    policy = Watching(script, max_image_pixels=WIDTH * HEIGHT // 4)
    trajectory = await run_episode(
        SAMPLE, policy, mesh, Limits(), dialect=dialect, tools=await mesh.contracts()
    )
    return trajectory, policy


async def record(mesh: Mesh, dialect: Dialect, script: tuple[Generation, ...]) -> str:
    """All that is held against the file: what was seen, and the trajectory."""
    trajectory, policy = await run(mesh, dialect, script)
    seen = [[_message(message) for message in turn] for turn in policy.seen]
    for turn in seen:
        assert turn == seen[-1][: len(turn)], "what has been said never changes"
    whole = {
        "seen": seen[-1],
        "trajectory": _without_times(
            msgspec.to_builtins(msgspec.structs.replace(trajectory, pictures={}))
        ),
    }
    text = json.dumps(whole, indent=1, ensure_ascii=False) + "\n"
    return _of_any_machine(text, trajectory.pictures)


def _message(message: Message) -> dict[str, Any]:
    parts = [
        {"image": part.name, "shown": part.shown_digest} if isinstance(part, EpisodeImage) else part
        for part in message.parts
    ]
    record = {
        "role": message.role,
        "parts": parts,
        "calls": [vars(call) for call in message.calls],
        "call_id": message.call_id,
        "token_ids": message.token_ids,
    }
    kept = {name: value for name, value in record.items() if value or name == "parts"}
    builtins: dict[str, Any] = json.loads(json.dumps(kept))
    return builtins


def _without_times(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _without_times(one) for name, one in value.items() if name not in TIMES}
    return [_without_times(one) for one in value] if isinstance(value, list) else value


def _of_any_machine(text: str, pictures: Mapping[str, bytes]) -> str:
    """Without libraries' versions, and with digests of pixels for those of files: on
    another processor a PNG is packed by other code, to a few bytes more or less."""
    text = re.sub(r"(opencv) [0-9.]+", r"\1", text)
    return re.sub(r"\b[0-9a-f]{64}\b", lambda found: _pixels_digest(pictures[found[0]]), text)


def _pixels_digest(data: bytes) -> str:
    pixels = decode(data, max_pixels=10**6)
    return hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).hexdigest()
