"""Drawing a chart, from a seed to its pixels and all that is known of them."""

from __future__ import annotations

import random
from dataclasses import replace

from thinkimg_eval.charts.elements import Chart
from thinkimg_eval.charts.numbers import Numbers, invent_numbers
from thinkimg_eval.charts.painting import Painting, Sheet
from thinkimg_eval.charts.styles import STYLES, LegendPlace, Look, choose_look

SINGLE_KINDS = (
    "bar", "horizontal_bar", "grouped_bar", "stacked_bar", "line", "pie", "scatter",
)  # fmt: skip
KINDS = (*SINGLE_KINDS, "panels")
_PANEL_KINDS = ("bar", "grouped_bar", "stacked_bar", "line", "scatter")


def draw_chart(seed: int, *, kind: str | None = None, style: str = "develop") -> Chart:
    """A chart of a kind, any if None, in a style of `STYLES`.

    Raises: ValueError, when there is no such kind or style.
    """
    if kind not in (None, *KINDS) or style not in STYLES:
        raise ValueError(f"kind {kind} is not of {KINDS}, or style {style} not of {(*STYLES,)}")
    rng = random.Random(f"{style} {kind} {seed}")
    kind = kind or rng.choice(KINDS)
    look = choose_look(STYLES[style], rng)
    sheet = _cut_sheet(kind, rng)
    with Painting.settings(sheet, look):
        drawing = _Drawing(Painting(sheet, look), sheet, look, rng)
        if kind == "panels":
            drawing.draw_panels(style)
        else:
            drawing.draw_single(kind, style)
        return drawing.painting.finish(kind, lambda: rng.choice((45, 90)))


def _cut_sheet(kind: str, rng: random.Random) -> Sheet:
    if kind == "panels":
        rows, columns = rng.choice(((1, 2), (2, 1), (2, 2), (2, 3), (3, 2), (1, 3), (3, 3)))
        width = min(2000, rng.randint(260, 560) * columns)
        height = min(2000, rng.randint(240, 460) * rows)
        return Sheet(width, height, rng.uniform(10, 13), rows, columns)
    width = round(300 * (2000 / 300) ** rng.random())
    height = min(2000, max(260, round(width / rng.uniform(0.8, 1.8))))
    font_px = min(26.0, max(10.0, min(width, height * 1.4) / 58 * rng.uniform(0.9, 1.2)))
    return Sheet(width, height, font_px)


class _Drawing:
    """What chance decides about a painting."""

    def __init__(self, painting: Painting, sheet: Sheet, look: Look, rng: random.Random) -> None:
        self.painting = painting
        self._look = look
        self._rng = rng
        self._room = max(3, sheet.letters // 6)
        """How many categories fit."""

    def draw_single(self, kind: str, style: str) -> None:
        topic = self._rng.choice(STYLES[style].topics)
        numbers = invent_numbers(kind, topic, self._look.palette, self._room, self._rng)
        self._add_panel(numbers)
        self.painting.add_title(numbers.title)

    def draw_panels(self, style: str) -> None:
        titled = self._rng.choice(("topics", "letters", "none"))
        for index in range(self.painting.places):
            topic = self._rng.choice(STYLES[style].topics)
            kind = self._rng.choice(_PANEL_KINDS)
            numbers = invent_numbers(kind, topic, self._look.palette, self._room, self._rng)
            title = {"topics": topic.title, "letters": f"({chr(97 + index)})", "none": ""}[titled]
            self._add_panel(replace(numbers, title=title))
            if title:
                self.painting.add_title(title)
        if self._rng.random() < 0.6:
            topic = self._rng.choice(STYLES[style].topics)
            self.painting.add_headline(topic.title)

    def _add_panel(self, numbers: Numbers) -> None:
        labelled = numbers.kind == "pie" and self._rng.random() < 0.5
        legend = self._legend_place(numbers) if self._wants_legend(numbers, labelled) else None
        self.painting.add_panel(numbers, labelled=labelled, legend=legend)

    def _legend_place(self, numbers: Numbers) -> LegendPlace:
        place = self._look.legend_place if self.painting.places == 1 else "inside"
        return "right" if numbers.kind == "pie" and place == "inside" else place

    def _wants_legend(self, numbers: Numbers, labelled: bool) -> bool:
        if len(numbers.series) > 1 or (numbers.kind == "pie" and not labelled):
            return True
        if labelled:
            return False
        distinct = len(set(numbers.category_colors)) == len(numbers.categories)
        return (not numbers.category_colors or distinct) and self._rng.random() < 0.3
