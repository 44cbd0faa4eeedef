"""A run that is killed again and again ends as one that was left alone."""

from __future__ import annotations

import multiprocessing
import random
from multiprocessing.process import BaseProcess
from pathlib import Path

import msgspec

from thinkimg_eval.run.folder import RunFolder
from thinkimg_rpc.cli import main

from ...thinkimg_rpc.running_mesh import eventually
from .alike import results, summary

TASK = Path(__file__).with_name("tiny_task.py")
QUESTIONS = 240
KILLS = 10
HALF_A_LINE = b'{"format": 2, "sample_id": "tiny-7", "sample_index": 7, "questi'


class Runs:
    """Starts the same run in processes of their own, without importing everything each time."""

    def __init__(self, *words: str) -> None:
        self._words = ["eval", "run", *words]
        self._processes = multiprocessing.get_context("forkserver")
        self._processes.set_forkserver_preload(
            [
                "thinkimg_eval.cli.evaluate",
                "thinkimg_eval.run.runner",
                "thinkimg_eval.report.writing",
            ]
        )

    def start(self, out: Path) -> BaseProcess:
        process = self._processes.Process(target=main, args=([*self._words, "--out", str(out)],))
        process.start()
        return process

    def finish(self, out: Path) -> None:
        process = self.start(out)
        process.join(60)
        assert process.exitcode == 0


def _size(folder: Path) -> int:
    path = folder / "trajectories.jsonl"
    return path.stat().st_size if path.exists() else 0


def test_ten_kills_at_random_moments_change_nothing(
    crop_mesh: str, look_and_answer: Path, tmp_path: Path
) -> None:
    alone, killed = tmp_path / "alone", tmp_path / "killed"
    words = ["--task", f"{TASK}:tiny", "--task.questions", str(QUESTIONS), "--concurrency", "1"]
    runs = Runs(*words, "--policy", f"scripted:{look_and_answer}", "--address", crop_mesh)
    runs.finish(alone)
    moments = random.Random(0)
    for number in range(KILLS):
        left = _size(alone) - _size(killed)
        # The first kill comes before anything is written, the others in the middle of it.
        more = moments.randint(1, left // (KILLS - number + 1)) if number else 0
        enough = _size(killed) + more
        run = runs.start(killed)

        def reached(enough: int = enough, run: BaseProcess = run) -> bool:
            assert run.exitcode is None, "it ended before it was killed"
            return (killed / "run.json").exists() and _size(killed) >= enough

        eventually(reached, 30, "progress")
        run.kill()
        run.join()
        with (killed / "trajectories.jsonl").open("ab") as file:
            # Few kills hit a line that is being written: here each of them does.
            file.write(HALF_A_LINE[: moments.randint(0, len(HALF_A_LINE))])
    assert 0 < len(RunFolder(killed).done()) < QUESTIONS
    runs.finish(killed)
    assert results(killed) == results(alone)
    assert summary(killed) == summary(alone)
    lines = (killed / "trajectories.jsonl").read_bytes().splitlines()
    assert [msgspec.json.decode(line)["sample_index"] for line in lines] == list(range(QUESTIONS))
