"""What a description says: places, numbers, a letter, and the words that are left for titles."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

Span = tuple[int, int]
"""Index of the first row or column meant, and of the last; negative from the end."""

_NUMBERS = (
    ("first", "one"), ("second", "two"), ("third", "three"), ("fourth", "four"),
    ("fifth", "five"), ("sixth", "six"), ("seventh", "seven"), ("eighth", "eight"),
    ("ninth", "nine"), ("tenth", "ten"), ("eleventh", "eleven"), ("twelfth", "twelve"),
    ("thirteenth", "thirteen"), ("fourteenth", "fourteen"), ("fifteenth", "fifteen"),
    ("sixteenth", "sixteen"),
)  # fmt: skip
_ORDINALS = {names[0]: number for number, names in enumerate(_NUMBERS, 1)}
_CARDINALS = {names[1]: number for number, names in enumerate(_NUMBERS, 1)}
_NOUN = r"(?:sub-?)?(?:panels?|plots?|figures?|figs?\.?|graphs?|charts?|axes|pictures?|images?)"
_ORDINAL = r"(?:\d+(?:st|nd|rd|th)|" + "|".join([*_ORDINALS, "last", "penultimate"]) + ")"
_CARDINAL = r"(?:\d+|" + "|".join(_CARDINALS) + ")"
_TOP, _BOTTOM = r"(?:top|upper|uppermost|topmost)", r"(?:bottom|lower|lowest|bottommost)"
_LEFT, _RIGHT = r"(?:left|leftmost|left-?hand)", r"(?:right|rightmost|right-?hand)"
_MIDDLE = r"(?:middle|cent(?:er|re)|central)"
_CHINESE_DIGITS = dict(
    zip("一二两三四五六七八九十", (1, 2, 2, 3, 4, 5, 6, 7, 8, 9, 10), strict=True)
)
_CHINESE = (
    (r"第?最后一?[个幅张]?|末[个幅]", " last "),
    (r"正?中[间央心]|居中", " middle "),
    (r"[顶上][部方侧边面]?(?:的?[一]?[行排])?", " top "),
    (r"[底下][部方侧边面]?(?:的?[一]?[行排])?", " bottom "),
    (r"左[部方侧边面]?", " left "),
    (r"右[部方侧边面]?", " right "),
    (r"角|子?图表?|面板|[的那这]个?", " "),
)
_STOP_WORDS = frozenset(
    re.findall(
        r"\w+",
        """
        the a an of in on at to from by with and or for is are it its that this which one ones
        me my please show zoom into look see find give crop panel panels subplot subplots plot
        plots subfigure subfigure figure figures fig graph graphs chart charts axes picture image
        titled title called named labelled labeled label about showing shows side corner part
        half number no row rows column columns col just only where whose there area region hand
        what them these those both
        """,
    )
)
_ALL = re.compile(r"\b(?:all|each|every)\b|所有|全部|每")


@dataclass
class Wording:
    """A description taken apart. Empty parts were not said."""

    text: str
    """Lower case, one space between words."""
    rows: list[Span] = field(default_factory=list)
    columns: list[Span] = field(default_factory=list)
    number: int | None = None
    """In reading order, from 1; -1 is the last."""
    letter: str = ""
    all: bool = False
    words: tuple[str, ...] = ()
    """What is left over: words of a title, perhaps."""

    @property
    def says_place(self) -> bool:
        return bool(self.rows or self.columns or self.number or self.letter)


def understand(description: str) -> Wording:
    """Take a description apart. Never raises: what is not understood is left over as words."""
    text = " ".join(description.casefold().split())
    wording = Wording(text, all=bool(_ALL.search(text)))
    rest = _letter_of(_in_english(text), wording)
    for pattern, take in _RULES:
        rest = re.sub(pattern, lambda match, take=take: take(match, wording), rest)  # type: ignore[misc]
    found = re.findall(r"[^\W_]+", _ALL.sub(" ", rest))
    wording.words = tuple(word for word in found if word not in _STOP_WORDS)
    return wording


def _in_english(text: str) -> str:
    """Chinese words for places and numbers in English, the others as they are."""
    if text.isascii():
        return text
    text = re.sub(r"第?([一二两三四五六七八九十]+|\d+)([行排])", _chinese_row("row"), text)
    text = re.sub(r"第?([一二两三四五六七八九十]+|\d+)列", _chinese_row("column"), text)
    text = re.sub(r"第([一二两三四五六七八九十]+|\d+)[个幅张]?", _chinese_row("number"), text)
    for pattern, english in _CHINESE:
        text = re.sub(pattern, english, text)
    return text


def _chinese_row(noun: str) -> Callable[[re.Match[str]], str]:
    return lambda match: f" {noun} {_chinese_number(match[1])} "


def _chinese_number(text: str) -> int:
    if text.isdecimal():
        return int(text[:4])
    tens, ten, ones = text.rpartition("十")
    if not ten:
        return _CHINESE_DIGITS.get(text[-1], 0)
    return 10 * _CHINESE_DIGITS.get(tens, 1) + _CHINESE_DIGITS.get(ones, 0)


def _letter_of(text: str, wording: Wording) -> str:
    """Take a panel's letter out: "(b)", "b)", "panel b", "b" alone."""
    for pattern in (
        r"^([a-z])$",
        r"\(([a-z])\)",
        rf"\b{_NOUN}\s+\(?([a-z])\b\)?(?!\s+[a-z])",
        rf"^(?:the\s+)?([b-z])[).]?\s+{_NOUN}$",
        r"^([a-z])[).](?=\s|$)",
        rf"\b{_NOUN}\s+\d+\(?([a-z])\)?$",
    ):
        if match := re.search(pattern, text):
            wording.letter = match[1]
            return text[: match.start()] + " " + text[match.end() :]
    return text


def _number_of(text: str) -> int:
    """From 1; negative from the end."""
    if text == "last":
        return -1
    if text == "penultimate":
        return -2
    digits = re.match(r"\d{1,4}", text)
    return int(digits[0]) if digits else _ORDINALS.get(text) or _CARDINALS.get(text, 0)


def _index(number: int) -> int:
    return number - 1 if number > 0 else number


def _take_row(match: re.Match[str], wording: Wording) -> str:
    at = _index(_number_of(match[1]))
    wording.rows.append((at, at))
    return " "


def _take_column(match: re.Match[str], wording: Wording) -> str:
    at = _index(_number_of(match[1]))
    wording.columns.append((at, at))
    return " "


def _take_from(match: re.Match[str], wording: Wording) -> str:
    """ "third from the left": of columns or rows, from either end."""
    number = _number_of(match[1])
    near = match[2] in ("left", "top")
    at = (_index(number) if near else -number) if number > 0 else (-1 if near else 0)
    (wording.columns if match[2] in ("left", "right") else wording.rows).append((at, at))
    return " "


def _take_from_end(match: re.Match[str], wording: Wording) -> str:
    wording.number = -_number_of(match[1])
    return " "


def _take_number(match: re.Match[str], wording: Wording) -> str:
    if wording.number is None:
        wording.number = _number_of(match[1])
    return " "


def _take_side(spans: Callable[[Wording], list[Span]], at: int) -> _Rule:
    def take(match: re.Match[str], wording: Wording) -> str:
        spans(wording).append((at, at))
        return " "

    return take


MIDDLE: Span = (1, -2)
"""All between the first and the last."""
BOTH_MIDDLES: Span = (1, -3)
"""Stands for the middle of rows or of columns, whichever there is."""


def _take_middle(match: re.Match[str], wording: Wording) -> str:
    noun = match[1] or ""
    if noun.startswith("row") or (wording.columns and not noun):
        wording.rows.append(MIDDLE)
    elif noun.startswith("col") or (wording.rows and not noun):
        wording.columns.append(MIDDLE)
    else:
        wording.rows.append(BOTH_MIDDLES)
        wording.columns.append(BOTH_MIDDLES)
    return " "


_Rule = Callable[[re.Match[str], Wording], str]
_RULES: tuple[tuple[str, _Rule], ...] = (
    (rf"\b({_ORDINAL})\s+(?:one\s+|{_NOUN}\s+)?(?:from|on|counting from)\s+the\s+"
     r"(left|right|top|bottom)\b", _take_from),
    (rf"\b({_ORDINAL})[\s-]+(?:to|from|but)[\s-]+(?:the[\s-]+)?(?:last|end)\b", _take_from_end),
    (rf"\b({_ORDINAL})[\s-]+rows?\b", _take_row),
    (rf"\brows?\s*(?:no\.?|number|#)?\s*({_CARDINAL})\b", _take_row),
    (rf"\b({_ORDINAL})[\s-]+col(?:umn)?s?\b", _take_column),
    (rf"\bcol(?:umn)?s?\.?\s*(?:no\.?|number|#)?\s*({_CARDINAL})\b", _take_column),
    (rf"\b{_TOP}(?![a-z])", _take_side(lambda wording: wording.rows, 0)),
    (rf"\b{_BOTTOM}(?![a-z])", _take_side(lambda wording: wording.rows, -1)),
    (rf"(?<![a-z]){_LEFT}(?![a-z])", _take_side(lambda wording: wording.columns, 0)),
    (rf"(?<![a-z]){_RIGHT}(?![a-z])", _take_side(lambda wording: wording.columns, -1)),
    (rf"\b{_MIDDLE}(?![a-z])(?:\s+(row|column|col))?", _take_middle),
    (rf"(?:\b(?:{_NOUN}|number|no\.?|nr\.?)\s*#?\s*|#\s*)({_CARDINAL})\b", _take_number),
    (rf"^({_CARDINAL})$", _take_number),
    (rf"\b({_ORDINAL})\b", _take_number),
)  # fmt: skip
"""In this order: what a rule takes, later ones do not see."""
