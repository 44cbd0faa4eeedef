"""How well SAM and SegmentRegionAroundPoint find regions whose every pixel is known.

Without a model: the classical segmenter, over the wire. The shapes and charts are
not those it was developed on: other seeds, and charts in the held-out style. Real
charts have no masks to compare with.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rich.progress import Progress

from bench.quality.chart_regions import ROLES, ChartRegion, regions_of
from bench.quality.drawn_shapes import DrawnShape, Region, draw_shape
from bench.report import Goal, Section
from thinkimg_eval.charts import draw_chart
from thinkimg_rpc.client import Mesh
from thinkimg_rpc.imaging.codec import decode, encode_png
from thinkimg_rpc.imaging.mask import pixels_of
from thinkimg_rpc.imaging.rgb import Pixels, known_uint8
from thinkimg_rpc.settings import ModelSettings
from thinkimg_rpc.tool import Tool
from thinkimg_rpc.v1 import Box, Image, Point, SAMRequest, SegmentRegionAroundPointRequest
from thinkimg_workers.sam import SAM
from thinkimg_workers.segment_region_around_point import SegmentRegionAroundPoint

SHAPES = range(1000, 1100)
CHARTS = range(1000, 1060)
SHEET_SHAPES, SHEET_CHARTS = range(2000, 2012), range(2000, 2003)
LOOSE = 0.1
"""How far the edges of a loosely drawn box are off, as a share of its sides."""
SHAPES_GOAL, CHARTS_GOAL = 0.9, 0.85
TIMED_SIZE = (1280, 960)
TIME_GOAL_S = 0.3
_TIMEOUT_S = 60.0
_TILE = 260


@dataclass(frozen=True)
class Answer:
    """What one way of asking found of one region."""

    region: Region
    way: str
    overlap: float
    """Intersection over union with the truth."""
    cpu_s: float
    """Processor time of the whole call: client, worker, overlay and all."""
    overlay: Pixels


def _by_box(image: Image, region: Region) -> SAMRequest:
    x0, y0, x1, y1 = region.box
    return SAMRequest(image=image, boxes=[Box(x0=x0, y0=y0, x1=x1, y1=y1)])


def _by_loose_box(image: Image, region: Region) -> SAMRequest:
    x0, y0, x1, y1 = region.box
    height, width = region.mask.shape
    random = np.random.default_rng(int(region.mask.sum()))
    off = random.uniform(-LOOSE / 2, LOOSE, 4) * [x1 - x0, y1 - y0, x1 - x0, y1 - y0]
    low = np.maximum((x0 - off[0], y0 - off[1]), 0)
    high = np.minimum((x1 + off[2], y1 + off[3]), (width, height))
    return SAMRequest(image=image, boxes=[Box(x0=low[0], y0=low[1], x1=high[0], y1=high[1])])


def _by_sam_point(image: Image, region: Region) -> SAMRequest:
    return SAMRequest(image=image, points=[Point(x=region.point[0], y=region.point[1])])


def _by_point(image: Image, region: Region) -> SegmentRegionAroundPointRequest:
    point = Point(x=region.point[0], y=region.point[1])
    return SegmentRegionAroundPointRequest(image=image, points=[point])


WAYS: dict[str, Callable[[Image, Region], Any]] = {
    "SAM, box": _by_box,
    "SAM, box drawn loosely": _by_loose_box,
    "SAM, point": _by_sam_point,
    "SegmentRegionAroundPoint": _by_point,
}


async def answers(regions: Iterable[Region], ways: Sequence[str] = tuple(WAYS)) -> list[Answer]:
    """Ask for each region in each way, through a mesh, one after another."""
    found = []
    tools: list[type[Tool[Any, Any]]] = [SAM, SegmentRegionAroundPoint]
    async with Mesh.local(tools, models=ModelSettings(backend="grabcut")) as mesh:
        for region in regions:
            image = mesh.image(encode_png(region.pixels))
            for way in ways:
                begin = time.process_time()
                answer: Any = await mesh.send(WAYS[way](image, region), timeout_s=_TIMEOUT_S)
                cpu_s = time.process_time() - begin
                segment = answer.segments[0] if way.startswith("SAM") else answer.segment
                mask = pixels_of(segment.mask)
                overlap = (mask & region.mask).sum() / (mask | region.mask).sum()
                overlay = decode(answer.overlay.data, max_pixels=1 << 26)
                found.append(Answer(region, way, float(overlap), cpu_s, overlay))
    return found


def measure(progress: Progress) -> Section:
    """Mean overlaps by kind of region and way of asking, and how long a call takes."""
    section = Section("Segmentation without a model", ("", "regions", *WAYS))
    shapes = [draw_shape(seed) for seed in progress.track(SHAPES, description="drawing shapes")]
    of_shapes = asyncio.run(answers(progress.track(shapes, description="shapes")))
    marks = list(_chart_regions(progress.track(CHARTS, description="drawing charts")))
    of_marks = asyncio.run(answers(progress.track(marks, description="chart elements")))
    _add(section, "shapes on texture, mean IoU", of_shapes)
    for kind in ("flat", "textured"):
        is_flat = kind == "flat"
        some = [one for one in of_shapes if (_fill_of(one.region) == "flat") == is_flat]
        _add(section, f"    {kind}", some)
    _add(section, "chart elements, mean IoU", of_marks)
    for role in ROLES:
        _add(section, f"    {role}", [one for one in of_marks if _role_of(one.region) == role])
    for what, found, least in (
        ("shapes on texture", of_shapes, SHAPES_GOAL),
        ("chart elements", of_marks, CHARTS_GOAL),
    ):
        for way in ("SAM, box", "SAM, point", "SegmentRegionAroundPoint"):
            mean = statistics.mean(one.overlap for one in found if one.way == way)
            goal = f"{way}: mean IoU on {what} at least {least}"
            section.goals.append(Goal(goal, f"{mean:.3f}", mean >= least))
    _add_times(section, [*of_shapes, *of_marks])
    return section


def contact_sheet(folder: Path) -> Path:
    """What both tools return: shapes, then chart elements, by box above and by point below."""
    regions: list[Region] = [draw_shape(seed) for seed in SHEET_SHAPES]
    for kind in ("stacked_bar", "pie", "line", "scatter"):
        for seed in SHEET_CHARTS:
            regions.extend(list(regions_of(draw_chart(seed, kind=kind), seed))[:1])
    ways = ("SAM, box", "SegmentRegionAroundPoint")
    found = asyncio.run(answers(regions, ways))
    tiles = [
        np.vstack([_tile(one) for one in found[start : start + len(ways)]])
        for start in range(0, len(found), len(ways))
    ]
    tiles += [np.full_like(tiles[0], 255)] * (-len(tiles) % 6)
    rows = [np.hstack(tiles[start : start + 6]) for start in range(0, len(tiles), 6)]
    path = folder / "segment.png"
    cv2.imwrite(str(path), cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR))
    return path


def _add(section: Section, title: str, found: Sequence[Answer]) -> None:
    means = []
    for way in WAYS:
        overlaps = [one.overlap for one in found if one.way == way]
        means.append(f"{statistics.mean(overlaps):.3f}" if overlaps else "")
    section.rows.append((title, str(len(found) // len(WAYS)), *means))


def _add_times(section: Section, found: Sequence[Answer]) -> None:
    timed = [one for one in found if one.region.pixels.shape[1::-1] == TIMED_SIZE]
    medians = []
    for way in WAYS:
        times = [one.cpu_s for one in timed if one.way == way]
        medians.append(statistics.median(times))
    size = "{}×{}".format(*TIMED_SIZE)
    cells = (f"{median:.2f}" for median in medians)
    section.rows.append(
        (f"CPU seconds a call at {size}, median", str(len(timed) // len(WAYS)), *cells)
    )
    slowest = max(medians)
    goal = f"a call at {size} takes under {TIME_GOAL_S} s of one core, median"
    section.goals.append(Goal(goal, f"{slowest:.2f} s", slowest < TIME_GOAL_S))


def _chart_regions(seeds: Iterable[int]) -> Iterable[ChartRegion]:
    for seed in seeds:
        yield from regions_of(draw_chart(seed, style="held_out"), seed)


def _fill_of(region: Region) -> str:
    return region.fill if isinstance(region, DrawnShape) else ""


def _role_of(region: Region) -> str:
    return region.role if isinstance(region, ChartRegion) else ""


def _tile(answer: Answer) -> Pixels:
    """What is around the region in the overlay, and how well it was found."""
    height, width = answer.region.mask.shape
    x0, y0, x1, y1 = map(int, answer.region.box)
    margin = 12 + max(x1 - x0, y1 - y0) // 3
    part = answer.overlay[
        max(0, y0 - margin) : min(height, y1 + margin),
        max(0, x0 - margin) : min(width, x1 + margin),
    ]
    scale = (_TILE - 24) / max(part.shape[:2])
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST
    size = round(part.shape[1] * scale), round(part.shape[0] * scale)
    part = known_uint8(cv2.resize(part, size, interpolation=method))
    tile = np.full((_TILE, _TILE, 3), 255, np.uint8)
    tile[20 : 20 + part.shape[0], 2 : 2 + part.shape[1]] = part
    text = f"{answer.way.split(',')[0][:12]} {answer.overlap:.2f}"
    cv2.putText(tile, text, (4, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0, 0, 0), 1, cv2.LINE_AA)
    return tile
