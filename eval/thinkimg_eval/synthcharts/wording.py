"""Questions in words: `phrase` writes them, `read_question` reads them back.

    phrase(asked, 0)                    # 'Which city has the highest value?'
    phrase(asked, 1)                    # the same in other words
    read_question(phrase(asked, 1))     # asked

A wording is a template, a synonym for what is to be done, and whether names are
quoted. The fields of a template are those of the questions it can put, so reading is
matching: templates differ enough that one text never fits two of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from thinkimg_eval.synthcharts.asked import Asked, Family, Way

_WORDS: dict[Way, tuple[str, ...]] = {
    Way.VALUE: ("",),
    Way.HIGHEST: ("highest", "largest", "greatest"),
    Way.LOWEST: ("lowest", "smallest", "least"),
    Way.SECOND_HIGHEST: ("second highest", "second largest"),
    Way.SECOND_LOWEST: ("second lowest", "second smallest"),
    Way.ABOVE: ("above", "greater than", "higher than"),
    Way.BELOW: ("below", "less than", "lower than"),
    Way.EVERY: ("",),
    Way.SHOWN: ("",),
    Way.DIFFERENCE: ("",),
    Way.RATIO: ("",),
}
"""Synonyms, where a template says {way}."""

_TEMPLATES: dict[tuple[Family, tuple[Way, ...]], tuple[str, ...]] = {
    (Family.LABELLED_VALUE, (Way.VALUE,)): (
        "What value is written at {a}?",
        "What number is written in the chart for {a}?",
        "Which value does the label of {a} give?",
        "Read the number that is written at {a}.",
        "What value is written at {a} for {s}?",
        "What number is written in the chart for {s} in {a}?",
        "Which value does the label of {s} in {a} give?",
        "Read the number that is written for {s} at {a}.",
    ),
    (Family.UNLABELLED_VALUE, (Way.VALUE,)): (
        "About how large is the value of {a}?",
        "What is the value of {a}, read off the axis?",
        "Estimate the value of {a} from the axis.",
        "Roughly what value does {a} have?",
        "About how large is the value of {s} in {a}?",
        "What is the value of {s} in {a}, read off the axis?",
        "Estimate the value of {s} in {a} from the axis.",
        "Roughly what value does {s} have in {a}?",
    ),
    (Family.UNLABELLED_VALUE, (Way.HIGHEST, Way.LOWEST)): (
        "About how large is the {way} value of {s}?",
        "What is the {way} value of {s}, read off the axis?",
        "Estimate the {way} value of {s} from the axis.",
        "Roughly what is the {way} value that {s} has?",
    ),
    (Family.EXTREME, (Way.HIGHEST, Way.LOWEST)): (
        "Which {noun} has the {way} value?",
        "What is the {noun} with the {way} value?",
        "Name the {noun} with the {way} value.",
        "In this chart, which {noun} has the {way} value?",
        "Which {noun} has the {way} value of {s}?",
        "For {s}, which {noun} has the {way} value?",
        "Name the {noun} with the {way} value of {s}.",
        "In this chart, which {noun} has the {way} value of {s}?",
        "Which {noun} has the {way} value in {a}?",
        "In {a}, which {noun} has the {way} value?",
        "Name the {noun} with the {way} value in {a}.",
        "What is the {noun} with the {way} value in {a}?",
    ),
    (
        Family.COMPARE,
        (Way.HIGHEST, Way.LOWEST, Way.SECOND_HIGHEST, Way.SECOND_LOWEST),
    ): (
        "Which of {names} has the {way} value?",
        "Among {names}, which has the {way} value?",
        "Compare {names}: which has the {way} value?",
        "Of {names}, name the one with the {way} value.",
        "Which of {names} has the {way} value of {s}?",
        "Among {names}, which has the {way} value of {s}?",
        "Compare {names}: which has the {way} value of {s}?",
        "Of {names}, name the one with the {way} value of {s}.",
    ),
    (Family.COUNT, (Way.ABOVE, Way.BELOW)): (
        "How many values are {way} {threshold}?",
        "Count the values that are {way} {threshold}.",
        "What is the number of values {way} {threshold}?",
        "In this chart, how many values are {way} {threshold}?",
        "How many values of {s} are {way} {threshold}?",
        "Count the values of {s} that are {way} {threshold}.",
        "What is the number of values of {s} {way} {threshold}?",
        "In this chart, how many values of {s} are {way} {threshold}?",
        "How many values are {way} that of {a}?",
        "Count the values that are {way} that of {a}.",
        "What is the number of values {way} that of {a}?",
        "In this chart, how many values are {way} that of {a}?",
        "How many values of {s} are {way} that of {a}?",
        "Count the values of {s} that are {way} that of {a}.",
        "What is the number of values of {s} {way} that of {a}?",
        "In this chart, how many values of {s} are {way} that of {a}?",
    ),
    (Family.COUNT, (Way.EVERY,)): (
        "How many points does {s} have?",
        "Count the points of {s}.",
        "What is the number of points of {s}?",
        "In this chart, how many points belong to {s}?",
    ),
    (Family.PANEL, (Way.VALUE,)): (
        "In the panel {panel}, what is the value of {a}?",
        "What is the value of {a} in the panel {panel}?",
        "Find the panel {panel}: what value does {a} have?",
        "What value does {a} have in the panel titled {panel}?",
    ),
    (Family.PANEL, (Way.HIGHEST, Way.LOWEST)): (
        "In the panel {panel}, which {noun} has the {way} value?",
        "Which {noun} has the {way} value in the panel {panel}?",
        "Find the panel {panel}: which {noun} has the {way} value?",
        "Name the {noun} with the {way} value in the panel titled {panel}.",
    ),
    (Family.PANEL, (Way.SHOWN,)): (
        "Which panel is drawn in {color}?",
        "What is the title of the panel drawn in {color}?",
        "Name the panel whose data is {color}.",
        "The data of which panel is {color}?",
        "Which panel is a {kind} chart?",
        "What is the title of the {kind} chart?",
        "Name the panel that is a {kind} chart.",
        "Which of the panels is a {kind} chart?",
    ),
    (Family.COLOR_TO_SERIES, (Way.SHOWN,)): (
        "What is shown in {color}?",
        "What does the color {color} stand for?",
        "Which name in the legend belongs to {color}?",
        "According to the legend, what is {color}?",
    ),
    (Family.YES_NO, (Way.ABOVE, Way.BELOW)): (
        "Is the value of {a} {way} {threshold}?",
        "Does {a} have a value {way} {threshold}?",
        "Is it true that the value of {a} is {way} {threshold}?",
        "Is {a} {way} {threshold}?",
        "Is the value of {s} in {a} {way} {threshold}?",
        "Does {s} have a value {way} {threshold} in {a}?",
        "Is it true that the value of {s} in {a} is {way} {threshold}?",
        "In {a}, is {s} {way} {threshold}?",
        "Is the value of {a} {way} that of {b}?",
        "Does {a} have a value {way} that of {b}?",
        "Is it true that the value of {a} is {way} that of {b}?",
        "Is {a} {way} {b}?",
        "Is the value of {s} in {a} {way} that in {b}?",
        "Does {s} have a value in {a} {way} that in {b}?",
        "Is it true that the value of {s} in {a} is {way} that in {b}?",
        "For {s}, is {a} {way} {b}?",
        "Is the value of {s} in {a} {way} that of {t}?",
        "Does {s} have a value in {a} {way} that of {t}?",
        "Is it true that the value of {s} in {a} is {way} that of {t}?",
        "In {a}, is {s} {way} {t}?",
    ),
    (Family.ARITHMETIC, (Way.DIFFERENCE,)): (
        "What is the difference between {a} and {b}?",
        "By how much do the values of {a} and {b} differ?",
        "Give the difference between the values of {a} and {b}.",
        "How far apart are the values of {a} and {b}?",
        "What is the difference between {a} and {b} for {s}?",
        "By how much do the values of {s} in {a} and {b} differ?",
        "Give the difference between the values of {s} in {a} and {b}.",
        "How far apart are the values of {s} in {a} and {b}?",
        "In {a}, what is the difference between {s} and {t}?",
        "By how much do the values of {s} and {t} differ in {a}?",
        "Give the difference between the values of {s} and {t} in {a}.",
        "In {a}, how far apart are the values of {s} and {t}?",
    ),
    (Family.ARITHMETIC, (Way.RATIO,)): (
        "What is the ratio of {a} to {b}?",
        "How many times as large as {b} is {a}?",
        "Give the ratio of the value of {a} to that of {b}.",
        "The value of {a} is how many times that of {b}?",
        "What is the ratio of {a} to {b} for {s}?",
        "For {s}, how many times as large as {b} is {a}?",
        "Give the ratio of the value of {s} in {a} to that in {b}.",
        "The value of {s} in {a} is how many times that in {b}?",
        "In {a}, what is the ratio of {s} to {t}?",
        "In {a}, how many times as large as {t} is {s}?",
        "Give the ratio of the value of {s} in {a} to that of {t}.",
        "The value of {s} in {a} is how many times that of {t}?",
    ),
}

_OWN_WORDS = "|".join(
    sorted(
        {
            word
            for text in (*sum(_TEMPLATES.values(), ()), *sum(_WORDS.values(), ()))
            for word in re.findall(r"(?<!\{)\b[a-z]+", text)
        }
    )
)
_PLAIN_NAME = (
    r"(?!\d+(?:\.\d+)?(?![\w%+-]))[A-Z0-9][\w%+-]*"
    rf"(?: (?!(?:{_OWN_WORDS})\b)[\w%+-]+)?"
)
"""A name that needs no quotes: no mere number, which could be a threshold, but one or
two words, the first with a capital or a digit, the second none of the wording's own."""
_NAME = rf'"[^"\n]+"|{_PLAIN_NAME}'
_PATTERNS = {
    **dict.fromkeys(("a", "b", "s", "t", "panel"), _NAME),
    "names": rf"(?:{_NAME})(?:, (?:{_NAME}))*,? and (?:{_NAME})",
    "noun": r"[a-z]+(?: [a-z]+)?",
    "color": r"[a-z]+(?: [a-z]+)?",
    "kind": r"[a-z]+",
    "threshold": r"-?\d+(?:\.\d+)?",
}
_FIELD = re.compile(r"\{(\w+)\}")


def words_of_questions() -> Iterator[str]:
    """All templates and synonyms, with {names} for what they take."""
    for texts in (*_TEMPLATES.values(), *_WORDS.values()):
        yield from texts


def variants(asked: Asked) -> int:
    """In how many ways the question can be put.

    Raises: ValueError, when there are no words for it.
    """
    return len(_fitting(asked)) * len(_WORDS[asked.way]) * 2


def phrase(asked: Asked, variant: int) -> str:
    """The question in words; variants beyond `variants` are those from the start again.

    Raises: ValueError, when there are no words for it, or a name has a quote in it.
    """
    fitting = _fitting(asked)
    words = _WORDS[asked.way]
    variant, template = divmod(variant, len(fitting))
    variant, word = divmod(variant, len(words))
    quoted = variant % 2 == 0
    fields = {key: _written(key, value, quoted) for key, value in _fields(asked).items()}
    return fitting[template].text.format(way=words[word], **fields)


def read_question(text: str) -> Asked | None:
    """What a question asks; None if it is not one of `phrase`."""
    readings = set(_readings(" ".join(text.split())))
    return readings.pop() if len(readings) == 1 else None


@dataclass(frozen=True)
class _Template:
    family: Family
    ways: tuple[Way, ...]
    text: str
    fields: frozenset[str]
    """Those it needs, apart from {way}."""
    pattern: re.Pattern[str]


@cache
def _templates() -> tuple[_Template, ...]:
    return tuple(
        _Template(
            family,
            ways,
            text,
            frozenset(_FIELD.findall(text)) - {"way"},
            re.compile(_pattern(text, ways)),
        )
        for (family, ways), texts in _TEMPLATES.items()
        for text in texts
    )


def _pattern(text: str, ways: tuple[Way, ...]) -> str:
    words = "|".join(word for way in ways for word in _WORDS[way])
    parts = _FIELD.split(text)
    # Every second part is the name of a field.
    return "".join(
        f"(?P<{part}>{words if part == 'way' else _PATTERNS[part]})" if odd else re.escape(part)
        for part, odd in ((part, index % 2) for index, part in enumerate(parts))
    )


def _fitting(asked: Asked) -> list[_Template]:
    fields = frozenset(_fields(asked))
    found = [
        template
        for template in _templates()
        if template.family is asked.family
        and asked.way in template.ways
        and template.fields == fields
    ]
    if not found:
        raise ValueError(f"there are no words for {asked}")
    return found


def _fields(asked: Asked) -> dict[str, str | float | tuple[str, ...]]:
    """The fields that a template for it has."""
    fields: dict[str, str | float | tuple[str, ...]] = {}
    if asked.family is Family.COMPARE:
        fields["names"] = asked.categories
    else:
        fields |= zip(("a", "b"), asked.categories, strict=False)
    fields |= zip(("s", "t"), asked.series, strict=False)
    others = {"panel": asked.panel, "color": asked.color, "kind": asked.kind, "noun": asked.noun}
    fields |= {key: value for key, value in others.items() if value}
    if asked.threshold is not None:
        fields["threshold"] = asked.threshold
    return fields


def _written(key: str, value: str | float | tuple[str, ...], quoted: bool) -> str:
    match value:
        case float():
            return f"{value:g}"
        case tuple():
            *names, last = (_name(name, quoted) for name in value)
            return f"{', '.join(names)} and {last}"
        case _ if key in ("color", "kind", "noun"):
            return value
        case _:
            return _name(value, quoted)


def _name(name: str, quoted: bool) -> str:
    if '"' in name or "\n" in name or not name:
        raise ValueError(f"the name {name!r} cannot be written")
    return f'"{name}"' if quoted or not re.fullmatch(_PLAIN_NAME, name) else name


def _readings(text: str) -> Iterator[Asked]:
    for template in _templates():
        found = template.pattern.fullmatch(text)
        if found is None:
            continue
        fields = found.groupdict()
        way = _way_of(fields.pop("way", ""), template.ways)
        names = fields.pop("names", "")
        threshold = fields.pop("threshold", None)
        categories = tuple(re.findall(_NAME, names)) if names else _present(fields, "a", "b")
        yield Asked(
            template.family,
            way,
            categories=tuple(name.strip('"') for name in categories),
            series=tuple(name.strip('"') for name in _present(fields, "s", "t")),
            panel=fields.get("panel", "").strip('"'),
            color=fields.get("color", ""),
            kind=fields.get("kind", ""),
            noun=fields.get("noun", ""),
            threshold=None if threshold is None else float(threshold),
        )


def _present(fields: dict[str, str], *keys: str) -> tuple[str, ...]:
    return tuple(fields[key] for key in keys if key in fields)


def _way_of(word: str, ways: tuple[Way, ...]) -> Way:
    """What a template's word says; its one way if it has no word for it."""
    return next((way for way in ways if word in _WORDS[way]), ways[0])
