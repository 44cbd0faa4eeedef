"""From what matplotlib has drawn to where it is in pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from matplotlib.artist import Artist
from matplotlib.backend_bases import RendererBase
from matplotlib.collections import PathCollection
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.path import Path
from matplotlib.text import Text
from matplotlib.transforms import Affine2D, Bbox, BboxBase
from numpy.typing import NDArray

from thinkimg_eval.charts.elements import Box, Element, Polygon, Role

Points = NDArray[np.float64]
"""(N, 2), y up as in matplotlib."""


@dataclass(frozen=True)
class Drawn:
    """An artist and what it stands for. A collection's values are those of its members."""

    role: Role
    artist: Artist | Sequence[Artist] | BboxBase
    """Several are one thing together: a legend's swatch and its text."""
    text: str = ""
    series: str = ""
    category: str = ""
    color_name: str = ""
    value: float | None = None
    values: tuple[float, ...] = ()
    panel: int = 0


def text_drawn(role: Role, text: Text, panel: int = 0) -> list[Drawn]:
    """A text, if there is anything to be read."""
    written = text.get_text()
    if not (written.strip() and text.get_visible()):
        return []
    return [Drawn(role, text, text=" ".join(written.split()), panel=panel)]


def measured(drawn: Drawn, renderer: RendererBase, width: int, height: int) -> list[Element]:
    """Where it is, inside a picture of that size; nothing if it is outside."""
    outlines: list[Points | None]
    artist = drawn.artist
    if isinstance(artist, PathCollection):
        outlines = list(_marker_outlines(artist))
        extents: list[BboxBase] = [
            Bbox(_corners(outline)) for outline in outlines if outline is not None
        ]
    else:
        outlines = [_outline(artist)]
        extents = [_extent(artist, outlines[0], renderer)]
    values = drawn.values or (drawn.value,)
    elements = []
    for outline, extent, value in zip(outlines, extents, values, strict=True):
        box = _flipped(extent, width, height)
        if box[0] < box[2] and box[1] < box[3]:
            polygon = None if outline is None else _down(outline, height)
            elements.append(
                Element(
                    drawn.role,
                    box,
                    text=drawn.text,
                    series=drawn.series,
                    category=drawn.category,
                    color_name=drawn.color_name,
                    value=value,
                    polygon=polygon,
                    panel=drawn.panel,
                )
            )
    return elements


def _extent(
    artist: Artist | Sequence[Artist] | BboxBase, outline: Points | None, renderer: RendererBase
) -> BboxBase:
    if isinstance(artist, BboxBase):
        return artist
    if outline is not None and not (isinstance(artist, Line2D) and _has_markers(artist)):
        return Bbox(_corners(outline))
    if isinstance(artist, PathCollection):  # its own window extent is not its markers'
        return Bbox(_corners(np.concatenate(_marker_outlines(artist))))
    if isinstance(artist, Artist):
        return artist.get_window_extent(renderer)
    return Bbox.union([_extent(one, None, renderer) for one in artist])


def _has_markers(line: Line2D) -> bool:
    return line.get_marker() not in ("", "None", " ", None)


def _outline(artist: object) -> Points | None:
    if isinstance(artist, Patch):
        path = artist.get_transform().transform_path(artist.get_path())
        return _closed(path)
    if isinstance(artist, Line2D):
        points = artist.get_transform().transform(artist.get_xydata())
        figure = artist.get_figure(root=True)
        assert figure is not None
        return _stroke(points, artist.get_linewidth() * figure.dpi / 72)
    return None


def _marker_outlines(markers: PathCollection) -> list[Points]:
    """One outline for each marker of a scatter chart."""
    [path] = markers.get_paths()
    places = markers.get_offset_transform().transform(markers.get_offsets())
    [shape] = markers.get_transforms()
    own = _closed(Affine2D(shape).transform_path(path))
    figure = markers.get_figure(root=True)
    assert figure is not None
    edge = float(np.max(markers.get_linewidth(), initial=0)) * figure.dpi / 72
    own *= 1 + edge / 2 / _inner_radius(own)
    return [own + place for place in places]


def _inner_radius(outline: Points) -> float:
    """How far the nearest side of a shape around the origin is from it."""
    sides = np.roll(outline, -1, axis=0) - outline
    lengths = np.linalg.norm(sides, axis=1)
    distances = np.abs(outline[:, 0] * sides[:, 1] - outline[:, 1] * sides[:, 0])
    return float((distances / np.maximum(lengths, 1e-9))[lengths > 1e-6].min())


def _closed(path: Path) -> Points:
    """The corners of a path that comes back to its start, which is left out at the end."""
    return np.asarray(path.to_polygons()[0])[:-1]


def _stroke(points: Points, width: float) -> Points:
    """The outline of a line of that width, one side forth and the other back."""
    steps = np.diff(points, axis=0)
    normals = np.stack([-steps[:, 1], steps[:, 0]], axis=1)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    ends = np.concatenate([normals[:1], normals, normals[-1:]])
    # Where two pieces meet, the offset goes along their bisector, as far as both need.
    joined = ends[:-1] + ends[1:]
    joined /= np.maximum((joined * ends[1:]).sum(axis=1, keepdims=True), 0.5)
    offsets = joined * (width / 2)
    return cast(Points, np.concatenate([points + offsets, (points - offsets)[::-1]]))


def _corners(points: Points) -> Points:
    return np.stack([points.min(axis=0), points.max(axis=0)])


def _flipped(extent: BboxBase, width: int, height: int) -> Box:
    x0, x1 = np.clip((extent.x0, extent.x1), 0, width)
    y0, y1 = np.clip((height - extent.y1, height - extent.y0), 0, height)
    return float(x0), float(y0), float(x1), float(y1)


def _down(points: Points, height: int) -> Polygon:
    return np.stack([points[:, 0], height - points[:, 1]], axis=1).astype(np.float32)
