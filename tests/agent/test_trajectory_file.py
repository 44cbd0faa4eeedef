"""Trajectories on disk."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thinkimg_agent.trajectory import (
    FORMAT,
    CallRecord,
    ImageRecord,
    StopReason,
    Trajectory,
    TurnRecord,
)
from thinkimg_agent.trajectory_file import (
    TRAJECTORIES,
    BadTrajectory,
    TrajectoryWriter,
    image_path,
    read_line,
    read_trajectories,
)
from thinkimg_rpc.digest import digest_of

from ..mesh_fixtures import png

IMAGE = png()
DIGEST = digest_of(IMAGE)


def trajectory(sample_id: str = "s1") -> Trajectory:
    return Trajectory(
        format=FORMAT,
        sample_id=sample_id,
        question="Was ist das? 图",
        policy="scripted",
        dialect="openthinkimg",
        coordinates="pixels",
        tools=["Crop"],
        system="…",
        images=[
            ImageRecord(
                name="img_1",
                digest=DIGEST,
                width=64,
                height=48,
                shown_digest=DIGEST,
                shown_width=64,
                shown_height=48,
            )
        ],
        turns=[TurnRecord(text="a", calls=[CallRecord(name="Crop", arguments={"scale": 2})])],
        stop=StopReason.ANSWERED,
        answer="5",
        context_ids=[1, 2, 3],
        sampled=[(1, 3)],
        pictures={DIGEST: IMAGE},
    )


def without_pictures(one: Trajectory) -> Trajectory:
    return msgspec.structs.replace(one, pictures={})


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    with TrajectoryWriter(tmp_path) as writer:
        writer.add(trajectory("s1"))
        writer.add(trajectory("s2"))
    read = list(read_trajectories(tmp_path))
    assert read == [without_pictures(trajectory("s1")), without_pictures(trajectory("s2"))]


def test_an_image_is_kept_once_under_its_digest(tmp_path: Path) -> None:
    with TrajectoryWriter(tmp_path) as writer:
        writer.add(trajectory("s1"))
        writer.add(trajectory("s2"))
    assert [path.name for path in (tmp_path / "images").rglob("*.*")] == [f"{DIGEST}.png"]
    path = image_path(tmp_path, DIGEST)
    assert path is not None
    assert path.read_bytes() == IMAGE
    assert image_path(tmp_path, "0" * 64) is None


def test_a_line_a_killed_run_left_half_written_is_passed_over(tmp_path: Path) -> None:
    with TrajectoryWriter(tmp_path) as writer:
        writer.add(trajectory("s1"))
    file = tmp_path / TRAJECTORIES
    whole = file.read_bytes()
    file.write_bytes(whole + whole[: len(whole) // 2])
    assert [one.sample_id for one in read_trajectories(tmp_path)] == ["s1"]


def test_a_run_goes_on_after_a_half_written_line(tmp_path: Path) -> None:
    file = tmp_path / TRAJECTORIES
    with TrajectoryWriter(tmp_path) as writer:
        writer.add(trajectory("s1"))
    whole = file.read_bytes()
    file.write_bytes(whole + b'{"format": 2, "sam')
    with TrajectoryWriter(tmp_path) as writer:
        writer.add(trajectory("s2"))
    assert [one.sample_id for one in read_trajectories(tmp_path)] == ["s1", "s2"]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"{", r"line 2: not JSON"),
        (b"[]", r'line 2: no object with a "format"'),
        (b'{"format": 99}', r"format 99 is not one this version reads \(1 to 2\); update"),
        (b'{"format": 2}', r"line 2: Object missing required field `sample_id`"),
    ],
)
def test_a_broken_line_in_the_middle_is_named(tmp_path: Path, line: bytes, says: str) -> None:
    good = msgspec.json.encode(without_pictures(trajectory()))
    (tmp_path / TRAJECTORIES).write_bytes(b"\n".join([good, line, good, b""]))
    with pytest.raises(BadTrajectory, match=says):
        list(read_trajectories(tmp_path))


@given(st.lists(st.booleans(), max_size=30))
def test_the_first_format_with_a_flag_for_each_token_is_still_read(flags: list[bool]) -> None:
    record = json.loads(msgspec.json.encode(without_pictures(trajectory())))
    record |= {"format": 1, "sampled": flags}
    read = read_line(json.dumps(record).encode())
    assert read.format == FORMAT
    assert read.sampled is not None
    assert [
        any(start <= n < end for start, end in read.sampled) for n in range(len(flags))
    ] == flags


def test_the_first_format_without_tokens_is_still_read() -> None:
    record = json.loads(msgspec.json.encode(without_pictures(trajectory())))
    del record["sampled"]
    assert read_line(json.dumps(record | {"format": 1}).encode()).sampled is None


def test_threads_may_share_a_writer(tmp_path: Path) -> None:
    ids = [f"s{number}" for number in range(64)]
    with TrajectoryWriter(tmp_path) as writer, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda id: writer.add(trajectory(id)), ids))
    assert sorted(one.sample_id for one in read_trajectories(tmp_path)) == sorted(ids)
