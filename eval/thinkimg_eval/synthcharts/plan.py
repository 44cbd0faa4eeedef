"""A chart as it is to be drawn: its numbers, axes and look, and no picture yet."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from thinkimg_eval.charts import Chart, NamedColor, Numbers
from thinkimg_eval.charts.legends import legend_keys
from thinkimg_eval.charts.painting import Painting, Scale, Sheet
from thinkimg_eval.charts.styles import LegendPlace, Look


@dataclass(frozen=True)
class Panel:
    """One plot."""

    numbers: Numbers
    scale: Scale | None = None
    """Of its values; a pie has none."""
    x_scale: Scale | None = None
    """Of the other axis of a scatter chart."""
    written: bool = False
    """Whether each value is written at its bar or in its wedge."""
    legend: LegendPlace | None = None
    named_beside: bool = False
    """Whether the names of a pie's wedges are beside them."""

    @property
    def span(self) -> float:
        """The length of the axis, in units of the values."""
        return 100.0 if self.scale is None else self.scale.top - self.scale.low

    @property
    def keys(self) -> list[tuple[str, NamedColor]]:
        """The names in its legend with their colours; none without a legend."""
        return legend_keys(self.numbers) if self.legend else []


@dataclass(frozen=True)
class ChartPlan:
    """All that decides how a chart looks and what it says."""

    kind: str
    """One of `thinkimg_eval.charts.KINDS`."""
    noun: str
    """What a category is: "city"."""
    ordered: bool
    """Whether the place of a category tells its name, as with years."""
    headline: str
    panels: tuple[Panel, ...]
    sheet: Sheet
    look: Look
    slant: int
    """How far names that run into each other are turned, in degrees."""

    @property
    def content(self) -> str:
        """A digest of what the chart says, however it looks."""
        said = [(panel.numbers.kind, panel.numbers.title, *_said(panel)) for panel in self.panels]
        return sha256(repr(said).encode()).hexdigest()

    def draw(self) -> Chart:
        """The picture, and where everything is. About 0.1 s."""
        with Painting.settings(self.sheet, self.look):
            painting = Painting(self.sheet, self.look)
            for panel in self.panels:
                painting.add_panel(
                    panel.numbers,
                    labelled=panel.named_beside,
                    legend=panel.legend,
                    scale=panel.scale,
                    x_scale=panel.x_scale,
                )
                if panel.numbers.title:
                    painting.add_title(panel.numbers.title)
            if self.headline:
                painting.add_headline(self.headline)
            return painting.finish(self.kind, lambda: self.slant)


def _said(panel: Panel) -> tuple[object, ...]:
    numbers = panel.numbers
    rows = [(series.name, series.values, series.x) for series in numbers.series]
    return numbers.categories, rows
