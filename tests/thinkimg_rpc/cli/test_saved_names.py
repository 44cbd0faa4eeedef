from __future__ import annotations

from pathlib import Path

import pytest

from thinkimg_rpc.cli.answer import save_images
from thinkimg_rpc.v1 import ResultImage


@pytest.mark.parametrize(
    ("tool", "file"),
    [
        ("Crop", "crop-1.png"),
        ("OCR", "ocr-1.png"),
        ("SAM2Segment", "sam2-segment-1.png"),
        ("DrawHorizontalLineByY", "draw-horizontal-line-by-y-1.png"),
        ("draw_vertical_line_by_x", "draw-vertical-line-by-x-1.png"),
    ],
)
def test_a_saved_image_is_named_after_the_words_of_its_tool(
    tool: str, file: str, tmp_path: Path
) -> None:
    image = ResultImage(data=b"png", media_type="image/png")
    assert save_images([("image", image)], tool, tmp_path) == {"image": tmp_path / file}
    assert (tmp_path / file).read_bytes() == b"png"
