"""`python -m bench.quality`, and the area that is measured here itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np

from bench.quality.draw import Drawing, contact_sheet
from bench.report import BEGIN, END, TOOLS_BEGIN, TOOLS_END

ROOT = Path(__file__).parents[3]


def bench_tools(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bench.quality", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
    )


def test_an_area_is_measured_printed_and_written_between_its_own_markers(tmp_path: Path) -> None:
    document = tmp_path / "results.md"
    others = f"# Results\n{BEGIN}\nothers\n{END}\n"
    document.write_text(f"{others}{TOOLS_BEGIN}\n{TOOLS_END}\n")
    run = bench_tools("--only", "draw", "--write", str(document))
    assert run.returncode == 0, run.stderr
    assert "DrawVerticalLineByX changes exactly the line asked for: 200 of 200 met" in run.stdout
    text = document.read_text()
    assert text.startswith(others)
    assert "| DrawHorizontalLineByY: all else stays | 200 | 200 |" in text


def test_an_unknown_area_is_refused_with_the_areas_there_are() -> None:
    run = bench_tools("--only", "draw,speed")
    assert run.returncode == 2
    assert "no area called speed; there are ocr, panels, grounding, segment, draw" in run.stderr


def test_a_contact_sheet_is_a_picture(tmp_path: Path) -> None:
    sheet = contact_sheet(tmp_path)
    assert sheet.parent == tmp_path
    picture = cv2.imread(str(sheet))
    assert picture is not None
    assert picture.shape == (1000, 1500, 3)


def test_a_drawing_that_is_off_anywhere_is_not_exact() -> None:
    before = np.zeros((4, 5, 3), np.uint8)
    after = before.copy()
    after[2] = (0, 0, 255)
    right = Drawing(before, 2.9, after, upright=False)
    assert (right.size_kept, right.line_painted, right.others_kept) == (True, True, True)
    beside = Drawing(before, 1.0, after, upright=False)
    assert (beside.line_painted, beside.others_kept) == (False, False)
    after[0, 0, 0] = 1
    assert not right.others_kept
    assert not Drawing(before, 2.0, after[:, :4], upright=False).size_kept
