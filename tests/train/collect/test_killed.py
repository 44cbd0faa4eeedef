"""A collection that is killed again and again ends as one that was left alone."""

from __future__ import annotations

import multiprocessing
import random
from multiprocessing.process import BaseProcess
from pathlib import Path

from thinkimg_agent.trajectory_file import read_trajectories
from thinkimg_rpc.cli import main
from thinkimg_train.collect.card import hash_of_run
from thinkimg_train.collect.folder import ATTEMPTS, CollectFolder

from ...thinkimg_rpc.running_mesh import eventually

TASK = Path(__file__).parents[2] / "eval" / "run" / "tiny_task.py"
QUESTIONS = 120
KILLS = 5
HALF_A_LINE = b'{"format": 2, "sample_id": "tiny-7", "sample_index": 7, "questi'


def _size(folder: Path) -> int:
    path = folder / ATTEMPTS
    return path.stat().st_size if path.exists() else 0


def _contents(folder: Path) -> list[tuple[object, ...]]:
    """What a reader would see of each trajectory."""
    return [
        (
            one.sample_index,
            one.answer,
            [
                (turn.text, [(call.name, call.observation, call.error) for call in turn.calls])
                for turn in one.turns
            ],
            one.images,
        )
        for one in read_trajectories(folder)
    ]


def test_kills_at_random_moments_change_nothing(
    crop_mesh: str, look_and_answer: Path, tmp_path: Path
) -> None:
    alone, killed = tmp_path / "alone", tmp_path / "killed"
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["thinkimg_train.collect.collecting"])
    words = ["collect", "--task", f"{TASK}:tiny", "--task.questions", str(QUESTIONS)]
    words += ["--policy", f"scripted:{look_and_answer}", "--address", crop_mesh]
    words += ["--concurrency", "1"]

    def start(out: Path) -> BaseProcess:
        process = processes.Process(target=main, args=([*words, "--out", str(out)],))
        process.start()
        return process

    def finish(out: Path) -> None:
        process = start(out)
        process.join(60)
        assert process.exitcode == 0

    finish(alone)
    moments = random.Random(0)
    for number in range(KILLS):
        left = _size(alone) - _size(killed)
        enough = _size(killed) + moments.randint(1, left // (KILLS - number + 1))
        run = start(killed)

        def reached(enough: int = enough, run: BaseProcess = run) -> bool:
            assert run.exitcode is None, "it ended before it was killed"
            return _size(killed) >= enough

        eventually(reached, 30, "progress")
        run.kill()
        run.join()
        for file in (ATTEMPTS, "trajectories.jsonl", "rejected/trajectories.jsonl"):
            with (killed / file).open("ab") as half:
                half.write(HALF_A_LINE[: moments.randint(0, len(HALF_A_LINE))])
    finish(killed)
    for one, other in zip(_contents(killed), _contents(alone), strict=True):
        assert one == other
    assert hash_of_run(killed) == hash_of_run(alone)
    for part in ("", "rejected"):
        ids = [
            [one.sample_index for one in read_trajectories(folder / part)]
            for folder in (alone, killed)
        ]
        assert ids[0] == ids[1]
    assert sorted(CollectFolder(killed).attempts()) == list(range(QUESTIONS))
