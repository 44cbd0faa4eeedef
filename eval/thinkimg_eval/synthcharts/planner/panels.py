"""Figures with several panels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from thinkimg_eval.synthcharts.planner.color_names import distance_to
from thinkimg_eval.synthcharts.planner.glance import Kind, kind_seen
from thinkimg_eval.synthcharts.planner.paint import paper_of, strongest
from thinkimg_eval.synthcharts.planner.picture import Picture
from thinkimg_eval.synthcharts.planner.places import Box
from thinkimg_eval.synthcharts.planner.texts import likeness, reading
from thinkimg_eval.synthcharts.planner.written_numbers import number_in

_KINDS: dict[str, Kind] = {"bar": "bars", "line": "line", "pie": "slices"}
_ALL, _MOST = "all panels", 9
_ALIKE = 0.7
_MARGIN = 0.015
"""Around a panel, in parts of the figure."""


@dataclass(frozen=True)
class Panel:
    """One panel of a figure."""

    picture: Picture
    """It alone."""
    title: str
    box: Box
    """Where it is in the figure."""


def panel_titled(figure: Picture, title: str) -> Panel | None:
    """The panel with a title. Raises: NotYetSeen."""
    found = _zoomed(figure, f"I zoom into the panel {title}.", title, 1)
    if found and _is_called(found[0].title, title):
        return found[0]
    # Its title may be taken for that of another: then where it stands tells more.
    places = reading(title, figure.texts("I look for the title itself."))
    panels = _zoomed(figure, "I look at each panel.", _ALL, _MOST) if places else []
    if not panels:
        return found[0] if found else None
    return min(panels, key=lambda panel: _away(places[0].box, panel.box))


def wider(figure: Picture, panel: Panel) -> Picture | None:
    """A panel with more of what is around it, enlarged. Raises: NotYetSeen."""
    call = figure.cut(panel.box.grown(_MARGIN), scale=2)
    [cut] = figure.look.see("I look at more of it, enlarged.", call)
    name = cut.value("image")
    return Picture(figure.look, name) if name in figure.look.images else None


def panel_drawn(figure: Picture, *, color: str, kind: str) -> str:
    """The title of the panel in a color, or of a kind. Raises: NotYetSeen."""
    panels = _zoomed(figure, "I look at each panel.", _ALL, _MOST)
    panel = _of_kind(panels, kind) if kind else _of_color(panels, color)
    if panel is None:
        return ""
    words = [word for word in panel.title.split() if number_in(word) is None]
    if len(words) <= 1:
        return "".join(words) or panel.title
    # Something that stands near may have been taken for a part of the title.
    spans = panel.picture.texts("I read the title of the panel.")
    top = min(spans, key=lambda span: span.box.y0, default=None)
    return panel.title if top is None else top.text


def _zoomed(figure: Picture, thought: str, description: str, most: int) -> list[Panel]:
    arguments = {"image": figure.name, "description": description, "max_results": most}
    [found] = figure.look.see(thought, ("ZoominSubplot", arguments))
    return [
        Panel(
            Picture(figure.look, item["image"]),
            str(item.get("title", "")),
            figure.scale.read_box(item["box"]),
        )
        for item in found.items("subplots")
        if item.get("image") in figure.look.images and "box" in item
    ]


def _is_called(said: str, title: str) -> bool:
    return any(likeness(part, title) >= _ALIKE for part in (said, *said.split()))


def _away(title: Box, panel: Box) -> float:
    """How far a title is from where that of a panel stands."""
    aside = max(0.0, panel.x0 - title.x, title.x - panel.x1)
    return aside + abs(panel.y0 - title.y)


def _of_kind(panels: Sequence[Panel], kind: str) -> Panel | None:
    return next((one for one in panels if _kind_of(one.picture) == _KINDS.get(kind)), None)


def _of_color(panels: Sequence[Panel], color: str) -> Panel | None:
    nearest, chosen = float("inf"), None
    for panel in panels:
        pixels = panel.picture.view()
        seen = strongest(pixels, paper_of(pixels))
        if seen is not None and distance_to(color, seen) < nearest:
            nearest, chosen = distance_to(color, seen), panel
    return chosen


def _kind_of(panel: Picture) -> Kind:
    return kind_seen(panel.view(), panel.scale.aspect)
