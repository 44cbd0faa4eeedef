"""Runs to write in other formats: episodes with calls, images, failures and odd words."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from thinkimg_agent.coordinates import CoordinateSpace
from thinkimg_agent.dialects import DIALECTS
from thinkimg_agent.reply import Reply, WrittenCall
from thinkimg_agent.trajectory import (
    FORMAT,
    CallRecord,
    ImageRecord,
    StopReason,
    Trajectory,
    TurnRecord,
)
from thinkimg_agent.trajectory_file import TrajectoryWriter
from thinkimg_rpc.imaging.codec import encode_png
from thinkimg_train.formats.pictures import record_of

TEXT_DIALECTS = ("hermes", "openthinkimg")


def picture(shade: int, width: int = 8, height: int = 6) -> bytes:
    return encode_png(np.full((height, width, 3), shade, np.uint8))


def call(name: str, observation: str, **arguments: object) -> CallRecord:
    failed = observation.startswith("Error: ")
    return CallRecord(
        name=name,
        arguments=arguments,
        response=None if failed else {},
        error=observation.removeprefix("Error: ") if failed else "",
        observation=observation,
    )


def episode(
    *turns: tuple[str, Sequence[CallRecord]],
    dialect: str = "hermes",
    space: CoordinateSpace = CoordinateSpace.PIXELS,
    answer: str = "7",
    thought: str = "So it is.",
    question: str = "How many?",
    pictures: Sequence[tuple[bytes, int, int]] = ((b"", -1, -1),),
    number: int = 0,
) -> Trajectory:
    """`pictures`: (bytes, turn, call) of each image; bytes are made up where there are none."""
    speaks = DIALECTS[dialect](space)
    records: list[ImageRecord] = []
    kept: dict[str, bytes] = {}
    for at, (data, made, by) in enumerate(pictures, 1):
        data = data or picture(at + 10 * number)
        records.append(record_of(data, f"img_{at}", turn=made, call=by))
        kept[records[-1].digest] = data
    written = [
        TurnRecord(
            text=speaks.write(
                Reply(said, tuple(WrittenCall(one.name, one.arguments) for one in calls))
            ),
            thought=said,
            calls=list(calls),
        )
        for said, calls in turns
    ]
    end = TurnRecord(text=speaks.write(Reply(thought, answer=answer)), thought=thought)
    return Trajectory(
        format=FORMAT,
        sample_id=f"q{number}",
        question=question,
        truth="7",
        category="count",
        policy="teacher",
        dialect=dialect,
        coordinates=space.value,
        tools=["OCR", "Crop"],
        system="Answer with tools.",
        images=records,
        turns=[*written, end],
        stop=StopReason.ANSWERED,
        answer=answer,
        score=1.0,
        pictures=kept,
    )


def looked(number: int = 0, dialect: str = "hermes") -> Trajectory:
    """One that fails once, reads and crops."""
    spans = json.dumps({"spans": [{"text": "OCR: 7", "box": [1, 2, 3, 4]}]})
    return episode(
        ("I read.", [call("OCR", "Error: img: unknown field", img="img_1")]),
        (
            "I look.",
            [
                call("OCR", spans, image="img_1"),
                call("Crop", '{"image": "img_2", "box": [0, 0, 4, 3]}', image="img_1"),
            ],
        ),
        dialect=dialect,
        pictures=((b"", -1, -1), (b"", 1, 1)),
        number=number,
    )


def run_of(folder: Path, *trajectories: Trajectory) -> Path:
    with TrajectoryWriter(folder) as writer:
        for trajectory in trajectories:
            writer.add(trajectory)
    return folder


# What a model may write: no tags of a dialect, nothing that is trimmed where it stands.
words = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="<>"),
    min_size=1,
    max_size=20,
).map(lambda text: f"a{text.strip()}b")
results = st.one_of(
    words.map(lambda text: json.dumps({"text": text}, ensure_ascii=False)),
    words.map(lambda text: f"Error: {text}"),
)


@st.composite
def episodes(draw: st.DrawFn) -> Trajectory:
    """Any episode in a dialect of text."""
    turns: list[tuple[str, list[CallRecord]]] = []
    pictures = [(picture(shade), -1, -1) for shade in range(draw(st.integers(1, 2)))]
    for at in range(draw(st.integers(0, 3))):
        calls = []
        for by, name in enumerate(
            draw(st.lists(st.sampled_from(["OCR", "Crop", "SAM"]), max_size=3, min_size=1))
        ):
            result = draw(results)
            if draw(st.booleans()):
                pictures.append((picture(50 + 10 * len(pictures)), at, by))
                result = json.dumps({"image": f"img_{len(pictures)}"})
            calls.append(call(name, result, query=draw(words)))
        turns.append((draw(words), calls))
    return episode(
        *turns,
        dialect=draw(st.sampled_from(TEXT_DIALECTS)),
        space=draw(st.sampled_from(CoordinateSpace)),
        answer=draw(words),
        thought=draw(words),
        question=draw(words),
        pictures=pictures,
    )
