from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from bench.report import BEGIN, END

ROOT = Path(__file__).parents[2]


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bench", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
    )


def test_a_part_is_measured_printed_and_written(tmp_path: Path) -> None:
    document = tmp_path / "results.md"
    document.write_text(f"# Results\n{BEGIN}\n{END}\n")
    run = bench("--quick", "--only", "memory", "--write", str(document))
    assert run.returncode == 0, run.stderr
    assert "Resident memory" in run.stdout
    text = document.read_text()
    assert "| registry and front door, idle |" in text
    assert "Goal: registry and front door, idle: under 64 MB" in text


def test_an_unknown_part_is_refused_with_the_parts_there_are() -> None:
    run = bench("--only", "memory,speed")
    assert run.returncode == 2
    assert "no part called speed; there are rollout, tools" in run.stderr
