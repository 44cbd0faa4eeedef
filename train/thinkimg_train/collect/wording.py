"""A planner's thoughts in other words, that say the same."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator

_VARIANTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        r"I read the text first\.",
        (
            "First I read the text.",
            "I begin with the text.",
            "Let me read what is written.",
        ),
    ),
    (
        r"I read the text and look for (?P<a>.+)\.",
        (
            "I read the text and find {a}.",
            "Let me read the text and look for {a}.",
            "I need the text and {a}.",
            "First the text, and where {a} can be seen.",
        ),
    ),
    (
        r"I look for (?P<a>.+)\.",
        ("I find {a}.", "Let me look for {a}.", "Now I need {a}."),
    ),
    (
        r"I look at (?P<a>.+) closely\.",
        (
            "I look closely at {a}.",
            "Let me look at {a} closely.",
            "I need a closer look at {a}.",
        ),
    ),
    (
        r"I draw a line at (?P<a>.+)\.",
        ("Let me draw a line at {a}.", "A line at {a} shows it.", "I draw a line to see {a}."),
    ),
    (
        r"I zoom into the panel (?P<a>.+)\.",
        ("I look at the panel {a}.", "Let me zoom into the panel {a}.", "I need the panel {a}."),
    ),
    (
        r"I look at each panel\.",
        ("Let me look at each panel.", "I look at all panels.", "I need to see each panel."),
    ),
    (
        r"I read the title of the panel\.",
        ("Let me read the title of the panel.", "I need the title of the panel."),
    ),
    (
        r"I see (?P<a>.+)\.",
        ("There is {a}.", "I find {a}.", "Here is {a}."),
    ),
    (
        r"(?P<a>.+) is written at (?P<b>.+)\.",
        ("At {b}, {a} is written.", "The text at {b} is {a}.", "I read {a} at {b}."),
    ),
    (
        r"On the axis that is about (?P<a>.+)\.",
        ("That is about {a} on the axis.", "The axis has about {a} there.", "It is about {a}."),
    ),
    (
        r"In order: (?P<a>.+)\.",
        ("The order is {a}.", "From first to last: {a}.", "I have {a}, in order."),
    ),
    (
        r"I count (?P<a>\d+) (?P<b>\w+)\.",
        ("There are {a} {b}.", "I see {a} {b}.", "The count is {a} {b}."),
    ),
    (
        r"(?P<a>\d+) of (?P<b>\d+) values are (?P<c>.+)\.",
        ("Of {b} values, {a} are {c}.", "I count {a} of {b} values {c}."),
    ),
    (
        r"I looked at all panels\.",
        ("I have looked at all panels.", "I have seen each panel."),
    ),
    (
        r"The legend has (?P<a>.+) beside (?P<b>.+)\.",
        ("In the legend, {a} is beside {b}.", "Beside {b} the legend has {a}."),
    ),
    (
        r"(?P<a>\S+) against (?P<b>\S+)\.",
        ("The two are {a} and {b}.", "I compare {a} with {b}."),
    ),
)
"""A thought, and other words for it. What the first says, all others say."""

_RULES: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = tuple(
    (re.compile(pattern, re.DOTALL), variants) for pattern, variants in _VARIANTS
)
_BEGIN_AGAIN = ("Once more: ", "I look again. ", "I try once more. ")

Words = Callable[[str], str]


def words_of_thoughts() -> Iterator[str]:
    """All that a thought can be said in, with {names} and patterns for what it takes."""
    for pattern, variants in _VARIANTS:
        yield from (pattern, *variants)
    yield from _BEGIN_AGAIN


def in_other_words(thought: str, random_: random.Random) -> str:
    """The thought in other words, as it is where none are known."""
    for pattern, variants in _RULES:
        if (match := pattern.fullmatch(thought)) is not None:
            return random_.choice(variants).format_map(match.groupdict())
    return thought


def after_a_slip(why: str, thought: str, random_: random.Random) -> str:
    """The thought of the turn that mends a slip: what was wrong, and what is done now."""
    begin = random_.choice(("", *_BEGIN_AGAIN))
    return f"{why} {begin}{thought}".strip()
