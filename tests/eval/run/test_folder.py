"""A run's folder after whatever may have happened to it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from thinkimg_agent.episode import Limits
from thinkimg_agent.trajectory import FORMAT, StopReason, Trajectory
from thinkimg_agent.trajectory_file import read_trajectories
from thinkimg_eval.run.config import PolicyConfig
from thinkimg_eval.run.folder import RunFolder
from thinkimg_eval.run.origin import Origin, TaskOrigin, commit
from thinkimg_rpc.errors import InvalidRequest

ORIGIN = Origin(
    task=TaskOrigin(name="tiny", version="1", options={"seed": 0}, questions=4),
    policy=PolicyConfig(name="planner:"),
    seed=None,
    limits=Limits(),
    commits=["abc"],
)


def trajectory(index: int, answer: str | None = "1", started_at: float = 1.0) -> Trajectory:
    """An episode; without an answer, it was broken off."""
    return Trajectory(
        format=FORMAT,
        sample_id=f"tiny-{index}",
        sample_index=index,
        question="?",
        policy="scripted",
        dialect="hermes",
        coordinates="pixels",
        tools=[],
        system="",
        stop=StopReason.ABORTED if answer is None else StopReason.ANSWERED,
        answer=answer,
        score=None if answer is None else 1.0,
        started_at=started_at,
    )


def add(folder: RunFolder, *trajectories: Trajectory, rank: int = 0) -> None:
    with folder.writer(rank) as writer:
        for one in trajectories:
            writer.add(one)


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path / "run")


def test_what_all_processes_wrote_is_put_into_one_file_in_order(folder: RunFolder) -> None:
    add(folder, trajectory(2), trajectory(0))
    add(folder, trajectory(3), trajectory(1), rank=1)
    add(folder, trajectory(5), rank=12)
    folder.put_in_order()
    assert [one.sample_index for one in read_trajectories(folder.path)] == [0, 1, 2, 3, 5]
    assert [path.name for path in folder.path.iterdir()] == ["trajectories.jsonl"]


def test_putting_in_order_twice_changes_nothing(folder: RunFolder) -> None:
    add(folder, trajectory(1), trajectory(0))
    folder.put_in_order()
    text = (folder.path / "trajectories.jsonl").read_bytes()
    folder.put_in_order()
    assert (folder.path / "trajectories.jsonl").read_bytes() == text


def test_being_killed_between_its_steps_loses_nothing(folder: RunFolder) -> None:
    add(folder, trajectory(1))
    add(folder, trajectory(0), rank=1)
    rank_1 = (folder.path / "trajectories.rank1.jsonl").read_bytes()
    folder.put_in_order()
    # Killed before the other file was removed, and once more with half a new one.
    (folder.path / "trajectories.rank1.jsonl").write_bytes(rank_1)
    (folder.path / ".trajectories.jsonl.new").write_bytes(rank_1[:40])
    folder.put_in_order()
    assert [one.sample_index for one in folder.trajectories()] == [0, 1]
    assert len(list(read_trajectories(folder.path))) == 2


@pytest.mark.parametrize("cut", [1, 40, -1])
def test_a_line_that_was_cut_off_is_a_question_that_is_still_open(
    folder: RunFolder, cut: int
) -> None:
    add(folder, trajectory(0), trajectory(1))
    path = folder.path / "trajectories.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    whole = cut == -1
    path.write_bytes(lines[0] + lines[1][:cut])
    # Without its newline alone, it is whole; the writer starts after the last newline.
    assert set(folder.done()) == ({0, 1} if whole else {0})
    add(folder, trajectory(1))
    assert [one.sample_index for one in folder.trajectories()] == [0, 1]


def test_an_answer_outweighs_an_episode_that_was_broken_off(folder: RunFolder) -> None:
    add(folder, trajectory(0, None, 1.0), trajectory(1, "1", 2.0), trajectory(1, None, 5.0))
    add(folder, trajectory(0, "2", 3.0), rank=1)
    assert [one.answer for one in folder.trajectories()] == ["2", "1"]
    assert {index: one.aborted for index, one in folder.done().items()} == {0: False, 1: False}


def test_a_broken_line_is_named(folder: RunFolder) -> None:
    add(folder, trajectory(0))
    with (folder.path / "trajectories.jsonl").open("a") as file:
        file.write('{"sample_id": "x"}\n')
    with pytest.raises(InvalidRequest, match=r"trajectories\.jsonl, line 2: .*sample_index"):
        folder.done()


def test_a_run_goes_on_at_another_commit_and_with_another_server(folder: RunFolder) -> None:
    with folder.locked():
        folder.begin(ORIGIN)
        folder.begin(msgspec.structs.replace(ORIGIN, tools={"Crop": "1 opencv"}))
        moved = msgspec.structs.replace(ORIGIN.policy, base_url=("http://b/v1",))
        folder.begin(msgspec.structs.replace(ORIGIN, commits=["def"], policy=moved))
    origin = folder.origin()
    assert origin.commits == ["abc", "def"]
    assert origin.tools == {"Crop": "1 opencv"}


@pytest.mark.parametrize(
    ("other", "says"),
    [
        ({"policy": PolicyConfig(name="openai:x")}, 'policy.name was "planner:" and is "openai:x"'),
        ({"limits": Limits(max_turns=3)}, "limits.max_turns was 10 and is 3"),
        ({"tools": {"Crop": "2 opencv"}}, 'tools.Crop was "1 opencv" and is "2 opencv"'),
        ({"tools": {}}, 'tools.Crop was "1 opencv" and is not there'),
        (
            {"task": TaskOrigin(name="tiny", version="2", options={"seed": 0}, questions=4)},
            'task.version was "1" and is "2"',
        ),
        (
            {"task": TaskOrigin(name="tiny", version="1", options={"seed": 1}, questions=4)},
            "task.options.seed was 0 and is 1",
        ),
    ],
)
def test_a_run_of_another_kind_does_not_go_on_here(
    folder: RunFolder, other: dict[str, object], says: str
) -> None:
    with folder.locked():
        folder.begin(msgspec.structs.replace(ORIGIN, tools={"Crop": "1 opencv"}))
        with pytest.raises(InvalidRequest) as error:
            folder.begin(msgspec.structs.replace(ORIGIN, **other))
    assert says in str(error.value)
    assert "give another --out" in str(error.value)


def test_two_runs_never_write_into_one_folder_at_once(folder: RunFolder) -> None:
    with (
        folder.locked(),
        pytest.raises(InvalidRequest, match="another run is writing"),
        RunFolder(folder.path).locked(),
    ):
        pass


def test_trajectories_of_something_else_are_left_alone(folder: RunFolder) -> None:
    add(folder, trajectory(0))
    with pytest.raises(InvalidRequest, match="holds trajectories of no evaluation"):
        folder.begin(ORIGIN)


def test_a_folder_without_a_run_is_none(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="`thinkimg eval run` makes one"):
        RunFolder(tmp_path).origin()


def test_the_commit_is_that_of_the_checkout() -> None:
    sha, _, _ = commit().partition("+")
    assert len(sha) == 40 or sha.startswith("thinkimg-rpc ")
