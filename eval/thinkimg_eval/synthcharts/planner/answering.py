"""Which rule answers which question."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import zip_longest

from thinkimg_eval.synthcharts.asked import Asked, Family, Way
from thinkimg_eval.synthcharts.planner.answer import Answer
from thinkimg_eval.synthcharts.planner.any_chart import UNKNOWN, answer_about_text
from thinkimg_eval.synthcharts.planner.bar_values import bar_values
from thinkimg_eval.synthcharts.planner.categories import clean
from thinkimg_eval.synthcharts.planner.evidence import seen
from thinkimg_eval.synthcharts.planner.glance import kind_seen
from thinkimg_eval.synthcharts.planner.line_values import line_values
from thinkimg_eval.synthcharts.planner.look import Look
from thinkimg_eval.synthcharts.planner.panels import panel_drawn, panel_titled, wider
from thinkimg_eval.synthcharts.planner.picture import Picture, labelled, of_name
from thinkimg_eval.synthcharts.planner.points import count_points, point_values
from thinkimg_eval.synthcharts.planner.series_values import values_of_series, values_of_two
from thinkimg_eval.synthcharts.planner.slices import slice_values
from thinkimg_eval.synthcharts.planner.texts import likeness
from thinkimg_eval.synthcharts.planner.values import Value, rounded, written_beside
from thinkimg_eval.synthcharts.wording import read_question

_NAMED = 0.65
_FEWEST = 3
"""Fewer values in a panel are seldom all."""
_OF_WRITTEN = (Family.LABELLED_VALUE, Family.ARITHMETIC)
"""What is only asked of numbers that are written in the chart."""


def answer_to(look: Look) -> Answer:
    """Raises: NotYetSeen, with the calls that are needed first."""
    asked = _asked(look.question)
    if asked is None or look.first is None:
        return answer_about_text(look)
    answer = _RULES[asked.family](Picture(look, look.first.name), asked)
    return answer or Answer("I could not find it.", _guess(asked))


def _asked(question: str) -> Asked | None:
    """What is asked, also where a line on the form of the answer follows."""
    return read_question(question) or read_question(question.strip().split("\n")[0])


def _guess(asked: Asked) -> str:
    """What to say when nothing was found."""
    if asked.family is Family.YES_NO:
        return "no"
    if asked.family is Family.COMPARE:
        return asked.categories[0]
    if asked.family is Family.COUNT:
        return "3"
    return UNKNOWN


def values_of(
    picture: Picture, series: str = "", only: str = "", *, every: bool = False
) -> list[Value]:
    """The values of a chart by category, at least that of the one asked for.

    `every`: of all bars, also where several stand at one name. Raises: NotYetSeen.
    """
    aspect = picture.scale.aspect
    match kind_seen(picture.view(), aspect):
        case "bars":
            wanted = of_name("bars", series)
            spans, found = picture.texts_and("the bars", wanted)
            return bar_values(labelled(found, wanted), spans, aspect, every=every)
        case "line":
            return line_values(picture, series, only)
        case "slices":
            return slice_values(picture)
        case "points":
            return point_values(picture, series)


def _value_of(picture: Picture, name: str, series: str = "") -> Value | None:
    return _at(name, values_of(picture, series, only=name))


def _written(picture: Picture, asked: Asked, name: str) -> Value | None:
    """A number that the text alone tells: where there is one series, in bars.

    Raises: NotYetSeen.
    """
    if (
        asked.series
        or asked.family not in _OF_WRITTEN
        or kind_seen(picture.view(), picture.scale.aspect) != "bars"
    ):
        return None
    return written_beside(name, picture.texts())


def _at(name: str, values: Sequence[Value]) -> Value | None:
    best = max(values, key=lambda value: likeness(name, value.name), default=None)
    return best if best is not None and likeness(name, best.name) >= _NAMED else None


def _labelled_value(picture: Picture, asked: Asked) -> Answer | None:
    [name] = asked.categories
    value = _written(picture, asked, name) or _value_of(picture, name, *asked.series)
    if value is None:
        return None
    if value.label is not None:
        return Answer(f"I see {_evidence(picture, name, value, value.text)}.", value.text)
    return Answer(f"{value.text} is written at {name}.", value.text)


def _unlabelled_value(picture: Picture, asked: Asked) -> Answer | None:
    if asked.way is not Way.VALUE:
        return _extreme_point(picture, asked)
    [name] = asked.categories
    value = _value_of(picture, name, *asked.series)
    if value is None:
        return None
    if value.written and value.label is not None:
        return Answer(f"I see {_evidence(picture, name, value, value.text)}.", value.text)
    if not value.written and value.tip is not None:
        thought = f"I draw a line at the value of {name}."
        if value.label is not None:
            thought = f"I see {_evidence(picture, name, value)}. {thought}"
        picture.draw_line(thought, *value.tip)
    return Answer(f"On the axis that is about {value.text}.", value.text)


def _extreme_point(picture: Picture, asked: Asked) -> Answer | None:
    values = sorted(point_values(picture, asked.series[0]), key=lambda one: one.value)
    if not values:
        return None
    end = values[-1] if asked.way is Way.HIGHEST else values[0]
    if end.tip is not None:
        picture.draw_line(f"I draw a line at the {asked.way} point.", *end.tip)
    return Answer(f"On the axis that is about {end.text}.", end.text)


def _extreme(picture: Picture, asked: Asked) -> Answer | None:
    if asked.noun == "series":
        values = values_of_series(picture, asked.way, *asked.categories)
    else:
        values = values_of(picture, *asked.series)
    return _ranked(picture, values, asked.way)


def _compare(picture: Picture, asked: Asked) -> Answer | None:
    values = values_of(picture, *asked.series)
    named = [(name, _at(name, values)) for name in asked.categories]
    found = [replace(one, name=name) for name, one in named if one]
    answer = _ranked(picture, found, asked.way)
    if answer is None or any(one.label is None for one in found):
        return answer
    evidence = ", ".join(_evidence(picture, one.name, one, one.quoted) for one in found)
    return answer._replace(thought=f"I see {evidence}.")


def _ranked(picture: Picture, values: Sequence[Value], way: Way) -> Answer | None:
    """The first, second or last."""
    if not values:
        return None
    from_top = way in (Way.HIGHEST, Way.SECOND_HIGHEST)
    ordered = sorted(values, key=lambda one: one.value, reverse=from_top)
    rank = 1 if way in (Way.SECOND_HIGHEST, Way.SECOND_LOWEST) else 0
    chosen = ordered[min(rank, len(ordered) - 1)]
    name = clean(chosen.name)
    if chosen.mark is not None:
        bar = picture.scale.write_corners(chosen.mark)
        return Answer(f"I see {seen(bar, name, chosen.quoted)}.", name)
    ranking = ", ".join(seen(clean(one.name), one.quoted) for one in ordered[:3])
    return Answer(f"In order: {ranking}.", name)


def _count(picture: Picture, asked: Asked) -> Answer | None:
    if asked.way is Way.EVERY:
        count = count_points(picture, asked.series[0])
        return Answer(f"I count {count} points.", str(count)) if count else None
    values = values_of(picture, *asked.series, every=not asked.categories)
    limit, told = asked.threshold, ""
    if asked.categories:
        other = _at(asked.categories[0], values)
        limit = None if other is None else other.value
        told = "" if other is None else other.quoted or asked.categories[0]
    if limit is None or not values:
        return None
    count = sum(_holds(value.value, asked.way, limit) for value in values)
    told = told or rounded(limit)
    return Answer(f"{count} of {len(values)} values are {asked.way} {told}.", str(count))


def _holds(value: float, way: Way, limit: float) -> bool:
    return value > limit if way is Way.ABOVE else value < limit


def _panel(picture: Picture, asked: Asked) -> Answer | None:
    if asked.way is Way.SHOWN:
        title = panel_drawn(picture, color=asked.color, kind=asked.kind)
        return Answer("I looked at all panels.", title) if title else None
    panel = panel_titled(picture, asked.panel)
    if panel is None:
        return None
    rule = _extreme if asked.noun else _unlabelled_value
    if _is_sure(values_of(panel.picture, only="".join(asked.categories)), asked):
        return rule(panel.picture, asked)
    more = wider(picture, panel)
    return rule(panel.picture if more is None else more, asked)


def _is_sure(values: Sequence[Value], asked: Asked) -> bool:
    """Whether a panel's text was read well enough, or another look at it may help."""
    if asked.noun:
        return len(values) >= _FEWEST
    value = _at(asked.categories[0], values)
    return value is not None and value.sure


def _color_to_series(picture: Picture, asked: Asked) -> Answer | None:
    wanted = f"{asked.color} legend entry"
    spans, found = picture.texts_and("the color", wanted)
    for box in labelled(found, wanted):
        names = [span for span in spans if box.has_middle_of(span.box)]
        if names:
            name = clean(" ".join(span.text for span in names))
            return Answer(f"I see {seen(picture.scale.write_corners(box), name)}.", name)
    return None


def _yes_no(picture: Picture, asked: Asked) -> Answer | None:
    pair = _pair(picture, asked)
    if pair is None:
        return None
    one, other = pair
    answer = "yes" if _holds(one.value, asked.way, other.value) else "no"
    thought = _side_by_side(picture, one, other, measured=not other.name)
    return Answer(thought or f"{one.text} against {other.text}.", answer)


def _arithmetic(picture: Picture, asked: Asked) -> Answer | None:
    pair = _pair(picture, asked)
    if pair is None:
        return None
    one, other = pair[0].value, pair[1].value
    thought = _side_by_side(picture, *pair, measured=True)
    if asked.way is Way.RATIO:
        return Answer(thought or f"{one:g} / {other:g}.", f"{one / other:.2f}") if other else None
    return Answer(thought or f"{one:g} and {other:g}.", f"{round(abs(one - other), 2):g}")


def _side_by_side(picture: Picture, one: Value, other: Value, *, measured: bool) -> str:
    """Where the two stand; empty where that was not seen.

    Args:
        measured: whether values are told that are nowhere written, too.
    """
    if one.label is None or (other.name and other.label is None):
        return ""
    first, second = (value.text if measured else value.quoted for value in (one, other))
    if other.name:
        second = _evidence(picture, other.name, other, second)
    return f"I see {_evidence(picture, one.name, one, first)}, {second}."


def _pair(picture: Picture, asked: Asked) -> tuple[Value, Value] | None:
    """The two numbers a question is about; one that it tells itself has no name."""
    names, series = asked.categories, asked.series
    if len(series) == 2:
        values: list[Value | None] = [*values_of_two(picture, names[0], series)]
    elif len(names) == 2:
        values = [_written(picture, asked, name) for name in names]
        if None in values:
            every = values_of(picture, *series)
            values = [_at(name, every) for name in names]
    else:
        values = [_value_of(picture, names[0], *series)]
    known = [
        replace(value, name=name)
        for name, value in zip_longest(names, values, fillvalue=names[0])
        if isinstance(value, Value)
    ]
    if asked.threshold is not None:
        known.append(Value("", asked.threshold))
    return (known[0], known[1]) if len(known) == 2 else None


def _evidence(picture: Picture, name: str, value: Value, told: str = "") -> str:
    """Where a name and its bar are, and what is told of its value."""
    places = [
        picture.scale.write_corners(box) for box in (value.label, value.mark) if box is not None
    ]
    return seen(name, *places, told)


_RULES: dict[Family, Callable[[Picture, Asked], Answer | None]] = {
    Family.LABELLED_VALUE: _labelled_value,
    Family.UNLABELLED_VALUE: _unlabelled_value,
    Family.EXTREME: _extreme,
    Family.COMPARE: _compare,
    Family.COUNT: _count,
    Family.PANEL: _panel,
    Family.COLOR_TO_SERIES: _color_to_series,
    Family.YES_NO: _yes_no,
    Family.ARITHMETIC: _arithmetic,
}
