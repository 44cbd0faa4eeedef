"""CharXiv's nineteen descriptive questions, and the forms of answers, in our words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Rule = Literal["number", "term", "terms", "ordered terms", "words", "yes or no", "layout"]

_NONE = ' If there is none, answer "Not Applicable".'
_BOTTOM = " If there is one at the top and one at the bottom, take the one at the bottom."
_LEFT = " If there is one on either side, take the one on the left."
_TICK = " Leave out units and scales that are written apart from the tick."
_STEP = ' If ticks are no numbers, or unevenly spaced, answer "Not Applicable".'


@dataclass(frozen=True)
class Descriptive:
    """A kind of descriptive question."""

    asked: str
    """After the name of the plot."""
    category: str
    rule: Rule
    of_a_plot: bool = True
    """Whether it is about one plot of the figure, not all of it."""


DESCRIPTIVE: dict[int, Descriptive] = {
    1: Descriptive(
        "what is its title, as it is written? A letter alone is no title." + _NONE,
        "information extraction",
        "term",
    ),
    2: Descriptive(
        "what is the label of the x-axis, which it may share with other plots?" + _BOTTOM + _NONE,
        "information extraction",
        "term",
    ),
    3: Descriptive(
        "what is the label of the y-axis, which it may share with other plots?" + _LEFT + _NONE,
        "information extraction",
        "term",
    ),
    4: Descriptive(
        "what is the leftmost labelled tick of the x-axis?" + _BOTTOM + _TICK,
        "information extraction",
        "term",
    ),
    5: Descriptive(
        "what is the rightmost labelled tick of the x-axis?" + _BOTTOM + _TICK,
        "information extraction",
        "term",
    ),
    6: Descriptive(
        "what is the lowest labelled tick of the y-axis, by its place?" + _LEFT + _TICK,
        "information extraction",
        "term",
    ),
    7: Descriptive(
        "what is the highest labelled tick of the y-axis, by its place?" + _LEFT + _TICK,
        "information extraction",
        "term",
    ),
    8: Descriptive(
        "how far apart in value are neighbouring ticks of the x-axis?" + _BOTTOM + _TICK + _STEP,
        "enumeration",
        "number",
    ),
    9: Descriptive(
        "how far apart in value are neighbouring ticks of the y-axis?" + _LEFT + _TICK + _STEP,
        "enumeration",
        "number",
    ),
    10: Descriptive(
        "how many lines are there, without grid lines, ticks and auxiliary lines?"
        ' If it is no line plot, answer "Not Applicable".',
        "counting",
        "number",
    ),
    11: Descriptive(
        "do any lines cross, grid lines, ticks and auxiliary lines apart? Answer Yes or No."
        ' If it is no line plot, answer "Not Applicable".',
        "pattern recognition",
        "yes or no",
    ),
    12: Descriptive(
        "how many separate labels does the legend have that belong to it, inside the plot or"
        " outside?" + _NONE,
        "counting",
        "number",
    ),
    13: Descriptive(
        "what are the labels of the legend that belong to it, from top to bottom, then from"
        " left to right, with commas between?" + _NONE,
        "enumeration",
        "ordered terms",
    ),
    14: Descriptive(
        "what is the difference between the greatest and the least tick label of the colour"
        " bar, without a percent sign?" + _NONE,
        "enumeration",
        "number",
    ),
    15: Descriptive(
        "what is the greatest tick label of the colour bar, without a percent sign?" + _NONE,
        "enumeration",
        "number",
    ),
    16: Descriptive(
        'what is the trend from left to right, in a few words, such as "increases" or'
        ' "increases then stabilizes"?',
        "pattern recognition",
        "words",
    ),
    17: Descriptive(
        "how many labelled ticks are there on all axes together, shared axes included?",
        "compositionality",
        "number",
    ),
    18: Descriptive(
        'How are the subplots laid out? Answer "n by m" for n rows and m columns; "1 by 1" if'
        " there are no subplots.",
        "pattern recognition",
        "layout",
        of_a_plot=False,
    ),
    19: Descriptive(
        "How many subplots are there? 1 if there are no subplots.",
        "counting",
        "number",
        of_a_plot=False,
    ),
}


@dataclass(frozen=True)
class Reasoning:
    """A kind of answer to a reasoning question."""

    form: str
    category: str
    rule: Rule


REASONING: dict[int, Reasoning] = {
    1: Reasoning(
        "Answer with text that is written in the chart; subplots and labels by their full"
        " names; commas between several.",
        "text in chart",
        "terms",
    ),
    2: Reasoning(
        "Answer with one of the options, if the question has some, else with a short phrase.",
        "text in general",
        "words",
    ),
    3: Reasoning("Answer with a number that is written in the chart.", "number in chart", "number"),
    4: Reasoning("Answer with a number of {form}.", "number in general", "number"),
}


def descriptive_question(kind: Descriptive, row: int, column: int, place: str) -> str:
    """For the plot at a row and column, counted from 1 (0: the only one), or at a place."""
    if not kind.of_a_plot:
        return kind.asked
    if place:
        return f"For {place}, {kind.asked}"
    if row == 0:
        return f"For the current plot, {kind.asked}"
    return f"For the subplot at row {row} and column {column}, {kind.asked}"


def reasoning_question(kind: Reasoning, asked: str, truth: str) -> str:
    """With the form of its answer; of a number in general, as many decimals as the truth."""
    decimals = len(truth.partition(".")[2])
    form = "0 decimals: a whole number" if not decimals else f"{decimals} decimals"
    return f"{asked}\n{kind.form.format(form=form)}"
