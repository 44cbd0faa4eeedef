"""Figures with several panels."""

from __future__ import annotations

from collections.abc import Sequence

from thinkimg_eval.synthcharts.planner.color_names import distance_to
from thinkimg_eval.synthcharts.planner.glance import Kind, kind_seen
from thinkimg_eval.synthcharts.planner.paint import paper_of, strongest
from thinkimg_eval.synthcharts.planner.picture import Picture
from thinkimg_eval.synthcharts.planner.written_numbers import number_in

_KINDS: dict[str, Kind] = {"bar": "bars", "line": "line", "pie": "slices"}
_MOST = 9


def panel_titled(picture: Picture, title: str) -> Picture | None:
    """The panel with a title, as a picture of its own. Raises: NotYetSeen."""
    arguments = {"image": picture.name, "description": title, "max_results": 1}
    [found] = picture.look.see(f"I zoom into the panel {title}.", ("ZoominSubplot", arguments))
    for item in found.items("subplots"):
        if item.get("image") in picture.look.images:
            return Picture(picture.look, item["image"])
    return None


def panel_drawn(picture: Picture, *, color: str, kind: str) -> str:
    """The title of the panel in a color, or of a kind. Raises: NotYetSeen."""
    arguments = {"image": picture.name, "description": "all panels", "max_results": _MOST}
    [found] = picture.look.see("I look at each panel.", ("ZoominSubplot", arguments))
    panels = [
        (Picture(picture.look, item["image"]), str(item.get("title", "")))
        for item in found.items("subplots")
        if item.get("image") in picture.look.images
    ]
    chosen = _of_kind(panels, kind) if kind else _of_color(panels, color)
    if chosen is None:
        return ""
    panel, title = chosen
    words = [word for word in title.split() if number_in(word) is None]
    if len(words) <= 1:
        return "".join(words) or title
    # Something that stands near may have been taken for a part of the title.
    spans = panel.texts("I read the title of the panel.")
    top = min(spans, key=lambda span: span.box.y0, default=None)
    return title if top is None else top.text


_Panel = tuple[Picture, str]
"""With its title."""


def _of_kind(panels: Sequence[_Panel], kind: str) -> _Panel | None:
    return next((one for one in panels if _kind_of(one[0]) == _KINDS.get(kind)), None)


def _of_color(panels: Sequence[_Panel], color: str) -> _Panel | None:
    nearest, chosen = float("inf"), None
    for panel, title in panels:
        pixels = panel.view()
        seen = strongest(pixels, paper_of(pixels))
        if seen is not None and distance_to(color, seen) < nearest:
            nearest, chosen = distance_to(color, seen), (panel, title)
    return chosen


def _kind_of(panel: Picture) -> Kind:
    return kind_seen(panel.view(), panel.scale.aspect)
