"""CharXiv's answers by rules, where the published scores are a judge's.

Stricter than a judge: another wording of the same trend, or a rearranged formula, is
wrong here. So scores are lower, and not to be compared with published ones.
"""

from __future__ import annotations

import re
import unicodedata

from thinkimg_agent.sample import Sample
from thinkimg_eval.scorers.right_answers import best_score

NOT_APPLICABLE = {"not applicable", "n/a", "na", "none"}
_NUMBER = re.compile(
    r"(?P<mantissa>[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d*)?)(?:e(?P<e>[-+]?\d{1,3}))?"
    r"(?:(?:[x*]|\\times|\\cdot)?(?P<ten>10)\^\{?(?P<power>[-+]?\d{1,3})\}?)?%?",
    re.IGNORECASE,
)
_LAYOUT = re.compile(r"(\d+)\s*(?:rows?)?\s*(?:by|x|and)\s*(\d+)\s*(?:columns?)?", re.IGNORECASE)
_LETTER_BEFORE = re.compile(r"\([a-z]\)\s*(?=.)")


def charxiv_rules(answer: str, sample: Sample) -> float:
    """1 if the answer is right by the rule of its kind, `sample.details["rule"]`."""
    agree = _RULES[sample.details["rule"]]
    return best_score(answer, sample, lambda said, right: float(_same(said, right, agree)))


def _same(said: str, right: str, agree: object) -> bool:
    if _plain(right) in NOT_APPLICABLE:
        return _plain(said) in NOT_APPLICABLE
    assert callable(agree)
    return _plain(said) == _plain(right) or bool(agree(said, right))


def _number(said: str, right: str) -> bool:
    number = read_number(said)
    return number is not None and number == read_number(right)


def _term(said: str, right: str) -> bool:
    return _number(said, right) or _symbols(said) == _symbols(right)


def _ordered_terms(said: str, right: str) -> bool:
    return [*map(_symbols, said.split(","))] == [*map(_symbols, right.split(","))]


def _terms(said: str, right: str) -> bool:
    return sorted(map(_symbols, said.split(","))) == sorted(map(_symbols, right.split(",")))


def _words(said: str, right: str) -> bool:
    return _symbols(said) == _symbols(right)


def _yes_or_no(said: str, right: str) -> bool:
    first = re.match(r"yes\b|no\b", _plain(said))
    return first is not None and first[0] == _plain(right)


def _layout(said: str, right: str) -> bool:
    found, wanted = _LAYOUT.search(said.replace("×", "x")), _LAYOUT.search(right)
    return found is not None and wanted is not None and found.groups() == wanted.groups()


_RULES = {
    "number": _number,
    "term": _term,
    "terms": _terms,
    "ordered terms": _ordered_terms,
    "words": _words,
    "yes or no": _yes_or_no,
    "layout": _layout,
}


def read_number(text: str) -> float | None:
    """The number that a text is, in any notation: 1,500; 1.5e3; 10^-2; 2 x 10^{3}; 94%.

    A percent sign says nothing: charts have it on the axis or on the tick.
    """
    bare = text.replace("\N{MINUS SIGN}", "-").replace("×", "x").strip("$ ")
    found = _NUMBER.fullmatch(re.sub(r"\s+", "", bare))
    if found is None or not (re.search(r"\d", found["mantissa"]) or found["ten"]):
        return None
    mantissa = found["mantissa"].replace(",", "")
    if not re.search(r"\d", mantissa):
        mantissa += "1"
    # Through text, so that 1.5e3 is 1500 and 10^-2 is 0.01 to the last bit.
    exponent = int(found["e"] or 0) + int(found["power"] or 0)
    return float(f"{mantissa}e{exponent}")


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def _symbols(text: str) -> str:
    """Letters and signs alone: no spaces, no TeX around them, Greek letters by name, and
    no (a) before a title."""
    text = _LETTER_BEFORE.sub("", _plain(text), count=1)
    named = "".join(map(_named, text))
    return re.sub(r"[\s\\${}()]", "", named)


def _named(character: str) -> str:
    name = unicodedata.name(character, "")
    return name.rpartition(" ")[2].lower() if name.startswith("GREEK SMALL LETTER") else character
