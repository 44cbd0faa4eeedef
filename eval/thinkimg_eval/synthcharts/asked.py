"""What a question asks, apart from its wording."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Family(StrEnum):
    """The kinds of question. Results are told apart by them."""

    LABELLED_VALUE = "labelled_value"
    """A number that is written in the chart."""
    UNLABELLED_VALUE = "unlabelled_value"
    """A number to be read off an axis, right within 5%."""
    EXTREME = "extreme"
    """Which category, or series, has the highest or the lowest value."""
    COMPARE = "compare"
    """Which of five or more categories is first or second."""
    COUNT = "count"
    PANEL = "panel"
    """One of several plots has to be found first."""
    COLOR_TO_SERIES = "color_to_series"
    """What a colour stands for, by the legend."""
    YES_NO = "yes_no"
    ARITHMETIC = "arithmetic"
    """Differences and ratios of written numbers: reported apart."""


class Way(StrEnum):
    """What is to be done with what a question names."""

    VALUE = "value"
    """Read the value."""
    HIGHEST = "highest"
    LOWEST = "lowest"
    SECOND_HIGHEST = "second_highest"
    SECOND_LOWEST = "second_lowest"
    ABOVE = "above"
    """Of a threshold if the question has one, else of the value of its last name."""
    BELOW = "below"
    EVERY = "every"
    """Count all points of a series."""
    SHOWN = "shown"
    """Say the name of what is drawn in a colour, or as a kind of chart."""
    DIFFERENCE = "difference"
    """Without sign."""
    RATIO = "ratio"
    """Of the first to the second."""


@dataclass(frozen=True)
class Asked:
    """One question about a chart.

    The families take these ways and fields (`noun` says what the answer is, as in
    "which city"; it is "series" where the answer is the name of a series):

    ================  =====================  ==============================================
    labelled_value    VALUE                  one category, a series or none
    unlabelled_value  VALUE                  one category, a series or none
    \\                HIGHEST, LOWEST        a series: its highest or lowest point (scatter)
    extreme           HIGHEST, LOWEST        noun; and a series, a category, or neither
    compare           the four ranks         five or more categories, a series or none
    count             ABOVE, BELOW           a threshold or one category; a series or none
    \\                EVERY                  a series: its points (scatter)
    panel             VALUE                  panel and one category
    \\                HIGHEST, LOWEST        panel and noun
    \\                SHOWN                  a color, or a kind: which panel is it
    color_to_series   SHOWN                  a color
    yes_no            ABOVE, BELOW           one category and a threshold, a series or none;
    \\                                       two categories, a series or none; or
    \\                                       one category and two series
    arithmetic        DIFFERENCE, RATIO      two categories, a series or none; or
    \\                                       one category and two series
    ================  =====================  ==============================================
    """

    family: Family
    way: Way
    categories: tuple[str, ...] = ()
    series: tuple[str, ...] = ()
    panel: str = ""
    """The title of a panel."""
    color: str = ""
    kind: str = ""
    """Of a panel: "bar", "line" or "pie"."""
    noun: str = ""
    threshold: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """What is set, as JSON can hold it."""
        return {key: value for key, value in asdict(self).items() if value not in ("", (), None)}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Asked:
        """The inverse of `as_dict`, also after a detour through JSON.

        Raises: ValueError, when there is no such family or way.
        """
        names = {key: tuple(fields[key]) for key in ("categories", "series") if key in fields}
        kinds = {"family": Family(fields["family"]), "way": Way(fields["way"])}
        return cls(**{**fields, **names, **kinds})
