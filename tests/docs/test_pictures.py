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


def test_the_pictures_can_be_made_again(served_address: str, tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, ROOT / "docs" / "make_pictures.py", tmp_path],
        env=os.environ | {"THINKIMG_ADDRESS": served_address},
        check=True,
        timeout=60,
    )
    kept = {picture.name for picture in PICTURES.iterdir()}
    assert {picture.name for picture in tmp_path.iterdir()} == kept
    for name in ("chart.png", "crop.png", "vertical-line.png", "steps.png"):
        now, then = cv2.imread(str(tmp_path / name)), cv2.imread(str(PICTURES / name))
        assert now is not None
        assert then is not None
        assert now.shape == then.shape, name
        # Fonts and interpolation differ a little between releases.
        assert np.abs(now.astype(int) - then.astype(int)).mean() < 2, name
