from __future__ import annotations

import numpy as np
import pytest

from thinkimg_rpc.imaging.codec import Pixels


@pytest.fixture
def picture() -> Pixels:
    """A smooth 48x32 picture in which no row, column or corner is like another."""
    rows, columns = np.mgrid[0:32, 0:48]
    return np.stack([columns * 5, rows * 8, 255 - columns * 2 - rows * 4], axis=2).astype(np.uint8)
