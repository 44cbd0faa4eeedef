"""How a person describes one panel of a drawn figure: questions for ZoominSubplot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bench.quality.figures import Figure, Panel

ORDINALS = (
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth",
    "eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth",
)  # fmt: skip


@dataclass(frozen=True)
class Question:
    """A description, how it describes, and the one panel it is true of."""

    kind: str
    text: str
    panel: Panel


def questions_about(figure: Figure, seed: int) -> list[Question]:
    """One question of each kind that can be asked about a figure of several panels."""
    rng = np.random.default_rng([seed, 7])
    if len(figure.panels) < 2:
        return []
    questions = []
    for kind, describe in _KINDS.items():
        order = rng.permutation(len(figure.panels)).tolist()
        for index in order:
            if text := describe(figure, index, rng):
                questions.append(Question(kind, text, figure.panels[index]))
                break
    return questions


def _corner(figure: Figure, index: int, rng: np.random.Generator) -> str:
    return str(rng.choice(_corners(figure, index) or [""]))


def _corners(figure: Figure, index: int) -> list[str]:
    """The corners a panel stands in, in words."""
    panel = figure.panels[index]
    across = _sides(panel.column, panel.columns, figure.columns, ("left", "right"))
    down = _sides(panel.row, panel.rows, figure.rows, ("top", "bottom"))
    if figure.rows == 1 or figure.columns == 1:
        return across if figure.rows == 1 else down
    forms = "{0} {1}", "the {0} {1} panel", "{0}-{1} subplot", "the one at the {0} {1}"
    return [form.format(y, x) for y in down for x in across for form in forms]


def _sides(first: int, count: int, of: int, names: tuple[str, str]) -> list[str]:
    return [name for name, there in zip(names, (first == 0, first + count == of), strict=True)
            if there and count < of] or ([*names] if count == of and of > 1 else [])  # fmt: skip


def _ordinal(figure: Figure, index: int, rng: np.random.Generator) -> str:
    number = index + 1
    forms = [ORDINALS[index], f"the {ORDINALS[index]} panel", f"panel {number}", f"plot {number}"]
    if number == len(figure.panels):
        forms.append("last")
    if figure.rows == 1 and figure.regular:
        forms.append(f"{ORDINALS[index]} from the left")
    return str(rng.choice(forms))


def _row_and_column(figure: Figure, index: int, rng: np.random.Generator) -> str:
    if not figure.regular or figure.rows == 1 or figure.columns == 1:
        return ""
    panel = figure.panels[index]
    row, column = panel.row + 1, panel.column + 1
    return str(
        rng.choice(
            [
                f"row {row} column {column}",
                f"row {row}, column {column}",
                f"{ORDINALS[row - 1]} row, {ORDINALS[column - 1]} column",
                f"the {ORDINALS[column - 1]} panel in the {ORDINALS[row - 1]} row",
            ]
        )
    )


def _title(figure: Figure, index: int, rng: np.random.Generator) -> str:
    title = figure.panels[index].title
    return str(rng.choice([title, title.lower(), f"the {title} chart"])) if title else ""


def _part_of_title(figure: Figure, index: int, rng: np.random.Generator) -> str:
    """The first word, which no other title has: with another around it, or a letter missing."""
    title = figure.panels[index].title
    word = title.split(" ")[0].lower() if title else ""
    if len(word) < 6:
        return ""
    at = int(rng.integers(1, len(word) - 1))
    typo = word[:at] + word[at + 1 :]
    return str(rng.choice([word, f"the plot about {word}", f"{typo} plot"]))


def _letter(figure: Figure, index: int, rng: np.random.Generator) -> str:
    letter = figure.panels[index].letter
    forms = f"({letter})", f"panel {letter.upper()}", f"subplot ({letter})", f"panel {letter}"
    return str(rng.choice(forms)) if letter else ""


def _title_and_place(figure: Figure, index: int, rng: np.random.Generator) -> str:
    title, corners = figure.panels[index].title, _corners(figure, index)
    if not title or not corners:
        return ""
    side = corners[0]
    return f"the {title.split(' ')[0].lower()} chart at the {side}"


_KINDS: dict[str, Callable[[Figure, int, np.random.Generator], str]] = {
    "corner or side": _corner,
    "number": _ordinal,
    "row and column": _row_and_column,
    "title": _title,
    "part of a title": _part_of_title,
    "letter": _letter,
    "title and place": _title_and_place,
}
