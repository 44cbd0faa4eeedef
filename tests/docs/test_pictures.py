"""The pictures of the pages are what the tools make today."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np

from .blocks import ROOT

PICTURES = ROOT / "docs" / "pictures"
FIGURE = "figure.png"
"""What the tools are shown: drawn once and kept, since the generator of charts goes on."""


def test_the_pictures_can_be_made_again(served_address: str, tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, ROOT / "docs" / "make_pictures.py", tmp_path],
        env=os.environ | {"THINKIMG_ADDRESS": served_address},
        check=True,
        timeout=60,
    )
    kept = {picture.name for picture in PICTURES.iterdir() if picture.is_file()}
    assert {picture.name for picture in tmp_path.iterdir()} == kept - {FIGURE}
    for name in ("chart.png", "crop.png", "vertical-line.png", "steps.png"):
        assert_alike(tmp_path / name, PICTURES / name)


def test_the_pictures_of_the_tools_are_what_the_tools_return_today(tmp_path: Path) -> None:
    script = ROOT / "docs" / "make_tool_pictures.py"
    subprocess.run([sys.executable, script, tmp_path], check=True, timeout=100)
    kept = sorted((PICTURES / "tools").iterdir())
    assert sorted(picture.name for picture in tmp_path.iterdir()) == [one.name for one in kept]
    for picture in kept:
        assert_alike(tmp_path / picture.name, picture)


def assert_alike(made: Path, kept: Path) -> None:
    now, then = cv2.imread(str(made)), cv2.imread(str(kept))
    assert now is not None
    assert then is not None
    assert now.shape == then.shape, kept.name
    # Fonts and interpolation differ a little between releases.
    assert np.abs(now.astype(int) - then.astype(int)).mean() < 2, kept.name
