"""Makes the pictures of docs/tools.md, with the tools themselves.

    .venv/bin/python docs/make_tool_pictures.py [FOLDER]

Every tool is asked about figure.png, a chart that `thinkimg_eval.charts` drew
(seed 36 of "panels"), in a mesh inside this process, with the backend that needs
no model. Written into docs/pictures/tools, or into FOLDER.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from google.protobuf.message import Message
from PIL import Image, ImageDraw, ImageFont

from thinkimg_rpc import SyncMesh
from thinkimg_rpc.serve.config import DEFAULT_CONFIG, load_config
from thinkimg_rpc.settings import ModelSettings
from thinkimg_rpc.tool import Tool, load_tool
from thinkimg_rpc.v1 import (
    Box,
    CropRequest,
    DrawHorizontalLineByYRequest,
    DrawVerticalLineByXRequest,
    GroundingDINORequest,
    LineStyle,
    OCRRequest,
    Point,
    PointRequest,
    ResultImage,
    SAMRequest,
    SegmentRegionAroundPointRequest,
    ZoominSubplotRequest,
)
from thinkimg_workers.backends import choices_of

PICTURES = Path(__file__).with_name("pictures")
FIGURE = PICTURES / "figure.png"
FRAME, PAPER = (214, 39, 140), (255, 255, 255)

REQUESTS: dict[str, Callable[[Any], Message]] = {
    "GroundingDINO": lambda image: GroundingDINORequest(image=image, query="legend. red bar"),
    "SAM": lambda image: SAMRequest(
        image=image,
        boxes=[Box(x0=550, y0=104, x1=594, y1=218), Box(x0=780, y0=100, x1=823, y1=218)],
    ),
    "OCR": lambda image: OCRRequest(image=image),
    "Crop": lambda image: CropRequest(
        image=image, box=Box(x0=360, y0=28, x1=436, y1=74), padding=4, scale=4
    ),
    "Point": lambda image: PointRequest(image=image, description="the red bar"),
    "DrawHorizontalLineByY": lambda image: DrawHorizontalLineByYRequest(
        image=image, y=43.6, color="blue", thickness=2
    ),
    "DrawVerticalLineByX": lambda image: DrawVerticalLineByXRequest(
        image=image, x=709, color="crimson", style=LineStyle.LINE_STYLE_DASHED, thickness=2
    ),
    "ZoominSubplot": lambda image: ZoominSubplotRequest(image=image, description="top right"),
    "SegmentRegionAroundPoint": lambda image: SegmentRegionAroundPointRequest(
        image=image, points=[Point(x=320, y=400)]
    ),
}
"""What each tool is asked; the page shows the same calls."""


def make(folder: Path) -> None:
    """Write a picture of what each tool answers into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for tool, answer in _answers():
        picture = PICTURE_OF.get(tool, _picture_in)(answer)
        picture.save(folder / f"{tool}.png", optimize=True)


def framed(boxes: list[tuple[Box, str]]) -> Image.Image:
    """The figure with a frame around each box, and words at it."""
    picture = _opened(FIGURE.read_bytes())
    draw = ImageDraw.Draw(picture)
    for box, words in boxes:
        draw.rectangle((box.x0 - 1, box.y0 - 1, box.x1, box.y1), outline=FRAME, width=2)
        _write(draw, box, words)
    return picture


def _answers() -> Iterator[tuple[str, Any]]:
    """Each tool with what it answers."""
    data = FIGURE.read_bytes()
    shipped = [tool for worker in load_config(DEFAULT_CONFIG).worker for tool in worker.tools]
    for tool in map(load_tool, shipped):
        with SyncMesh.local([tool], models=ModelSettings(backend=_plain_backend(tool))) as mesh:
            name = tool.contract().name
            yield name, mesh.send(REQUESTS[name](mesh.image(data)))


def _plain_backend(tool: type[Tool[Any, Any]]) -> str:
    """The backend that needs no model of a person's own, so that these pictures can be remade."""
    for backend in choices_of(tool):
        if not (backend.weights or backend.asks_endpoint or "torch" in backend.modules):
            return backend.name
    return "auto"


def _picture_of_grounding(answer: Any) -> Image.Image:
    return framed([(one.box, f"{one.label} {one.score:.2f}") for one in answer.detections])


def _picture_of_text(answer: Any) -> Image.Image:
    picture = _opened(FIGURE.read_bytes())
    draw = ImageDraw.Draw(picture)
    for span in answer.spans:
        quad = span.quad
        corners = (quad.top_left, quad.top_right, quad.bottom_right, quad.bottom_left)
        draw.polygon([(corner.x, corner.y) for corner in corners], outline=FRAME)
    return picture


def _picture_in(answer: Any) -> Image.Image:
    """The image that the tool itself returns, the first of several."""
    for name in ("image", "overlay", "annotated"):
        if name in answer.DESCRIPTOR.fields_by_name:
            return _result(getattr(answer, name))
    return _result(answer.subplots[0].image)


PICTURE_OF: dict[str, Callable[[Any], Image.Image]] = {
    "GroundingDINO": _picture_of_grounding,
    "OCR": _picture_of_text,
}
"""Of the tools that return no image."""


def _result(image: ResultImage) -> Image.Image:
    return _opened(image.data)


def _opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


def _write(draw: ImageDraw.ImageDraw, box: Box, words: str) -> None:
    font = ImageFont.load_default(13)
    place = (box.x0, box.y0 - 4)
    draw.rectangle(draw.textbbox(place, words, font, anchor="lb"), fill=PAPER)
    draw.text(place, words, FRAME, font, anchor="lb")


if __name__ == "__main__":
    make(Path(sys.argv[1]) if sys.argv[1:] else PICTURES / "tools")
