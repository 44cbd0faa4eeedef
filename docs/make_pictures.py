"""Makes the pictures of these pages, by calling the tools of a running mesh.

    make serve                                   # in one terminal
    .venv/bin/python docs/make_pictures.py       # in another

The chart is drawn here; everything else is what Crop, the line tools, OCR and
`thinkimg tools` and `status` make of it. Written into docs/pictures, or into
the folder given as the only argument.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from rich.console import Console, RenderableType

from thinkimg_rpc import SyncMesh
from thinkimg_rpc.cli.connection import DEFAULT_ADDRESS
from thinkimg_rpc.cli.status import status_view
from thinkimg_rpc.cli.tables import tool_table
from thinkimg_rpc.v1 import (
    Box,
    CropRequest,
    DrawHorizontalLineByYRequest,
    DrawVerticalLineByXRequest,
    OCRRequest,
    OCRResponse,
    ResultImage,
)

WIDTH, HEIGHT = 640, 400
LEFT, RIGHT, TOP, BOTTOM = 64, 616, 72, 348
"""The plot's edges, in pixels."""
HIGHEST = 100
SEASONS = ("Spring", "Summer", "Autumn", "Winter")
VISITORS = {"Museum": (42, 55, 48, 71), "Zoo": (63, 92, 37, 18)}
COLOURS = {"Museum": (64, 110, 180), "Zoo": (232, 148, 58)}
INK, GRID, PAPER = (40, 40, 40), (222, 222, 222), (255, 255, 255)

LEGEND = Box(x0=440, y0=14, x1=630, y1=46)
SPRING = Box(x0=16, y0=172, x1=206, y1=382)
"""The lower part of the y axis with the two bars next to it."""
SCALE = 2

# rich's own has the addresses of fonts to download; any monospaced one will do.
_SVG = """\
<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font: {char_height}px monospace; line-height: {line_height}px }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def draw_chart() -> Image.Image:
    """A bar chart of two series over four seasons, 640 x 400 pixels."""
    chart = Image.new("RGB", (WIDTH, HEIGHT), PAPER)
    draw = ImageDraw.Draw(chart)
    draw.text((LEFT, 30), "Visitors, in thousands", INK, _font(20), anchor="lm")
    _draw_axes(draw)
    slot = (RIGHT - LEFT) / len(SEASONS)
    for place, season in enumerate(SEASONS):
        middle = LEFT + slot * (place + 0.5)
        draw.text((middle, BOTTOM + 20), season, INK, _font(16), anchor="mm")
        for series, start in (("Museum", -40), ("Zoo", 2)):
            top = row_of(VISITORS[series][place])
            draw.rectangle((middle + start, top, middle + start + 38, BOTTOM - 1), COLOURS[series])
    for series, x in (("Museum", 452), ("Zoo", 556)):
        draw.rectangle((x, 23, x + 13, 36), COLOURS[series])
        draw.text((x + 20, 30), series, INK, _font(16), anchor="lm")
    return chart


def row_of(value: float) -> float:
    """Where a value stands on the y axis, in pixels from the top edge."""
    return BOTTOM - (BOTTOM - TOP) * value / HIGHEST


def outline_text(chart: Image.Image, found: OCRResponse) -> Image.Image:
    """The chart with a frame around each piece of text that was found."""
    framed = chart.copy()
    draw = ImageDraw.Draw(framed)
    for span in found.spans:
        quad = span.quad
        corners = (quad.top_left, quad.top_right, quad.bottom_right, quad.bottom_left)
        draw.polygon([(corner.x, corner.y) for corner in corners], outline=(200, 30, 60))
    return framed


def side_by_side(steps: dict[str, Image.Image]) -> Image.Image:
    """Pictures from left to right with arrows between and words below."""
    gap, words = 44, 36
    height = max(step.height for step in steps.values())
    width = sum(step.width for step in steps.values()) + gap * (len(steps) - 1)
    sheet = Image.new("RGB", (width, height + words), PAPER)
    draw = ImageDraw.Draw(sheet)
    x = 0
    for text, step in steps.items():
        y = (height - step.height) // 2
        if x:
            _draw_arrow(draw, x - gap + 8, x - 8, height // 2)
        sheet.paste(step, (x, y))
        draw.rectangle((x, y, x + step.width - 1, y + step.height - 1), outline=GRID)
        draw.text((x + step.width / 2, height + words / 2), text, INK, _font(18), anchor="mm")
        x += step.width + gap
    return sheet


def screen(command: str, table: RenderableType, columns: int) -> str:
    """What a command prints, as an SVG so many characters wide."""
    console = Console(record=True, width=columns, file=io.StringIO(), color_system="truecolor")
    console.print(f"[bold]$[/] {command}", table, sep="\n", highlight=False)
    return console.export_svg(title="", code_format=_SVG)


def make(folder: Path, mesh: SyncMesh) -> None:
    """Write every picture into `folder`."""
    chart = draw_chart()
    _save(chart, folder / "chart.png")
    image = mesh.image((folder / "chart.png").read_bytes())
    crop = mesh.send(CropRequest(image=image, box=LEGEND, scale=2)).image
    part = mesh.send(CropRequest(image=image, box=SPRING, scale=SCALE)).image
    top = (row_of(VISITORS["Museum"][0]) - SPRING.y0) * SCALE
    lined = mesh.send(
        DrawHorizontalLineByYRequest(image=mesh.image(part.data), y=top, thickness=2)
    ).image
    across = mesh.send(DrawVerticalLineByXRequest(image=image, x=340, color="crimson")).image
    text = mesh.send(OCRRequest(image=image))
    steps = {
        "the chart": chart,
        "Crop, enlarged": opened(part),
        "DrawHorizontalLineByY": opened(lined),
    }
    (folder / "crop.png").write_bytes(crop.data)
    (folder / "vertical-line.png").write_bytes(across.data)
    _save(outline_text(chart, text), folder / "ocr.png")
    _save(side_by_side(steps), folder / "steps.png")
    tools, workers = tool_table(mesh.workers()), status_view(mesh, DEFAULT_ADDRESS)
    (folder / "tools.svg").write_text(screen("thinkimg tools", tools, 100))
    (folder / "status.svg").write_text(screen("thinkimg status", workers, 132))


def opened(image: ResultImage) -> Image.Image:
    """A tool's result as a picture."""
    return Image.open(io.BytesIO(image.data)).convert("RGB")


def _draw_axes(draw: ImageDraw.ImageDraw) -> None:
    for value in range(0, HIGHEST + 1, 20):
        y = row_of(value)
        draw.line((LEFT, y, RIGHT, y), INK if value == 0 else GRID)
        draw.text((LEFT - 10, y), str(value), INK, _font(16), anchor="rm")
    draw.line((LEFT, TOP, LEFT, BOTTOM), INK)


def _draw_arrow(draw: ImageDraw.ImageDraw, start: int, end: int, y: int) -> None:
    draw.line((start, y, end - 8, y), INK, 3)
    draw.polygon([(end - 10, y - 7), (end, y), (end - 10, y + 7)], INK)


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _save(picture: Image.Image, path: Path) -> None:
    picture.save(path, optimize=True)


if __name__ == "__main__":
    with SyncMesh() as mesh:
        make(Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).with_name("pictures"), mesh)
