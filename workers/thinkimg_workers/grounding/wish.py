"""What a description asks for: "the highest red bar of 2019" taken apart."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from thinkimg_workers.grounding.color_names import COLOR_WORDS, SHADES
from thinkimg_workers.grounding.vocabulary import (
    ORDINALS,
    PLACES,
    SHAPES,
    SILENT,
    SUPERLATIVES,
    Role,
    Superlative,
)

_MOST_PARTS = 32
"""How many things one query may ask for; the rest is left out."""
_SEPARATORS = re.compile(r"\.(?=\s|$)|\.(?=[^\d\W])|[;\n\u3002\uff1b]")
"""Full stops, but not those in numbers like 3.5."""
_WORDS = re.compile(r"[\u3400-\u9fff]+|[^\W_]+(?:['\u2019][^\W_]+)?%?|[+<>$£€%]+", re.UNICODE)
_CHINESE = re.compile(r"[\u3400-\u9fff]+")
_CHINESE_WORDS = sorted(
    (
        word
        for words in (SHAPES, SUPERLATIVES, ORDINALS, PLACES, COLOR_WORDS, SILENT)
        for word in words
        if _CHINESE.search(word) and word.isalpha() and not word.isascii()
    ),
    key=len,
    reverse=True,
)
_QUOTED = re.compile(r"""(?<!\w)(?:'([^']+)'|"([^"]+)"|\u201c([^\u201d]+)\u201d)(?!\w)""")
_LONGEST_PHRASE = 4


@dataclass(frozen=True)
class Wish:
    """One thing asked for."""

    label: str
    """The part of the query it is."""
    roles: tuple[Role, ...] = ()
    """What it may be; none: nothing was said of that."""
    colors: tuple[str, ...] = ()
    """Words of `COLOR_WORDS`."""
    shade: str = ""
    """"light" or "dark"."""
    superlative: Superlative | None = None
    ordinal: int | None = None
    places: tuple[tuple[int, int], ...] = ()
    rest: tuple[str, ...] = ()
    """The words that are none of these: names of series, of categories, text."""

    @property
    def only_text(self) -> bool:
        """Whether it says nothing but what may be written in the picture."""
        return not (self.roles or self.colors or self.superlative)


def wishes_of(query: str) -> list[Wish]:
    """What a query asks for, one for each of its parts; none in an empty one."""
    parts = (part.strip() for part in _SEPARATORS.split(query))
    distinct = list(dict.fromkeys(part for part in parts if part))[:_MOST_PARTS]
    return [wish_of(part) for part in distinct]


def wish_of(part: str) -> Wish:
    """One part of a query, taken apart. What is quoted is a name, whatever it says."""
    names = [word for found in _QUOTED.finditer(part) for word in words_of(found[0])]
    words = words_of(_QUOTED.sub(" ", part))
    wish = Wish(label=part)
    rest: list[str] = []
    at = 0
    while at < len(words):
        taken = 0
        for length in range(min(_LONGEST_PHRASE, len(words) - at), 0, -1):
            phrase = " ".join(words[at : at + length])
            understood = _understood(wish, phrase)
            if understood is not None:
                wish, taken = understood, length
                break
        if not taken:
            rest.append(words[at])
        at += max(1, taken)
    return replace(wish, rest=(*rest, *names))


def words_of(text: str) -> list[str]:
    """The words of a text in lower case; Chinese cut at the words known here."""
    words: list[str] = []
    for word in _WORDS.findall(text.casefold().replace("-", " ").replace("/", " ")):
        words.extend(_cut_chinese(word) if _CHINESE.match(word) else [word])
    return words


def _understood(wish: Wish, phrase: str) -> Wish | None:
    """The wish with a phrase added; None if it means nothing here."""
    if (roles := _roles_of(phrase)) is not None:
        # "legend of the bar chart", "bar in the plot": what is said first is the thing.
        return wish if wish.roles else replace(wish, roles=roles)
    if phrase in SUPERLATIVES:
        return replace(wish, superlative=SUPERLATIVES[phrase])
    if phrase in ORDINALS:
        return replace(wish, ordinal=ORDINALS[phrase])
    if phrase in PLACES:
        return replace(wish, places=(*wish.places, PLACES[phrase]))
    if phrase in SHADES:
        return replace(wish, shade=SHADES[phrase])
    color = phrase.removesuffix("ish") if phrase.endswith("ish") else phrase
    if color in COLOR_WORDS:
        return replace(wish, colors=(*wish.colors, color))
    return wish if phrase in SILENT else None


def _roles_of(phrase: str) -> tuple[Role, ...] | None:
    for form in (phrase, phrase.removesuffix("s"), phrase.removesuffix("es")):
        if form in SHAPES:
            return SHAPES[form]
    if phrase.endswith("entries"):
        return SHAPES.get(phrase.removesuffix("ies") + "y")
    return None


def _cut_chinese(text: str) -> list[str]:
    words, unknown = [], ""
    while text:
        known = next((word for word in _CHINESE_WORDS if text.startswith(word)), "")
        if not known:
            unknown, text = unknown + text[0], text[1:]
            continue
        words += [unknown, known] if unknown else [known]
        unknown, text = "", text[len(known) :]
    return [*words, unknown] if unknown else words
