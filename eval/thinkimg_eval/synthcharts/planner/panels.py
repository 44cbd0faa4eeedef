"""Figures with several panels."""

from __future__ import annotations

from thinkimg_eval.synthcharts.planner.color_names import distance_to
from thinkimg_eval.synthcharts.planner.glance import Kind, kind_seen
from thinkimg_eval.synthcharts.planner.paint import paper_of, strongest
from thinkimg_eval.synthcharts.planner.picture import Picture

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
    if kind:
        fitting = [title for panel, title in panels if _kind_of(panel) == _KINDS.get(kind)]
        return fitting[0] if fitting else ""
    paper = paper_of(picture.view())
    colors = [(strongest(panel.view(), paper), title) for panel, title in panels]
    far = [(distance_to(color, seen), title) for seen, title in colors if seen is not None]
    return min(far, default=(0.0, ""))[1]


def _kind_of(panel: Picture) -> Kind:
    return kind_seen(panel.view(), panel.scale.aspect)
