"""A run's folder with an episode of every kind, as if a mesh had been there."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from thinkimg_agent.episode import Limits
from thinkimg_agent.trajectory import (
    FORMAT,
    CallRecord,
    ImageRecord,
    StopReason,
    Trajectory,
    TurnRecord,
)
from thinkimg_eval.run.config import PolicyConfig
from thinkimg_eval.run.folder import RunFolder
from thinkimg_eval.run.origin import Origin, TaskOrigin
from thinkimg_rpc.digest import digest_of

PROMPT = "In one word."


def origin(questions: int = 6, **changed: str) -> Origin:
    return Origin(
        task=TaskOrigin(
            name="tiny",
            version=changed.get("version", "1"),
            options={"seed": 0},
            questions=questions,
            apart=("count_all",),
            prompt=PROMPT,
        ),
        policy=PolicyConfig(name=changed.get("policy", "openai:<b>small</b>")),
        seed=None,
        limits=Limits(),
        tools={"Crop": "1 opencv", "OCR": "1 rapidocr"},
        commits=["0123456789abcdef"],
    )


def call(tool: str, seconds: float = 0.01, error: str = "") -> CallRecord:
    return CallRecord(name=tool or "Corp", tool=tool, arguments={}, seconds=seconds, error=error)


def episode(
    index: int,
    score: float | None,
    *calls: CallRecord,
    answer: str | None = "42",
    stop: StopReason = StopReason.ANSWERED,
    truth: str = "42",
) -> Trajectory:
    data = cv2.imencode(".png", np.full((30, 40, 3), 5 * (index // 2), np.uint8))[1].tobytes()
    digest = digest_of(data)
    image = ImageRecord(
        name="img_1",
        digest=digest,
        width=40,
        height=30,
        shown_digest=digest,
        shown_width=40,
        shown_height=30,
    )
    turns = [
        TurnRecord(text="look", calls=[one], prompt_tokens=100, completion_tokens=10)
        for one in calls
    ]
    last = TurnRecord(text="<answer>", prompt_tokens=200, completion_tokens=20, seconds=0.5)
    return Trajectory(
        format=FORMAT,
        sample_id=f"tiny-{index}",
        sample_index=index,
        question=f"How many, in <i>chart</i> {index}?\n{PROMPT}",
        truth=truth,
        category="count_all" if index % 2 else "read",
        policy="scripted",
        dialect="hermes",
        coordinates="pixels",
        tools=["Crop", "OCR"],
        system="",
        images=[image],
        turns=[*turns, last],
        stop=stop,
        answer=answer,
        score=score,
        seconds=1.0,
        pictures={digest: data},
    )


EPISODES = [
    episode(0, 1.0, call("OCR", 0.2), call("Crop")),
    episode(1, 0.0, call("Crop", error="box: outside"), call(""), answer="41 </td>"),
    episode(2, 1.0, call("OCR", 0.4)),
    episode(3, 0.0, *[call("Crop")] * 12, answer=None, stop=StopReason.TURN_LIMIT),
    episode(4, 1.0),
    episode(5, None, call("OCR"), answer=None, stop=StopReason.ABORTED),
]


def written(path: Path, episodes: list[Trajectory], run: Origin) -> RunFolder:
    folder = RunFolder(path)
    with folder.locked():
        folder.begin(run)
    with folder.writer() as writer:
        for one in episodes:
            writer.add(one)
    return folder
