from __future__ import annotations

import json
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thinkimg_eval.synthcharts.asked import Asked, Family, Way
from thinkimg_eval.synthcharts.wording import phrase, read_question, variants

PLAIN = st.sampled_from(
    ["Oslo", "Apples", "On foot", "18-29", "80+", "2014", "New York", "Q3", "7"]
)
ANY = st.text(
    st.characters(blacklist_categories=["Cc", "Cs", "Z"], blacklist_characters='"'), min_size=1
)
NAMES = PLAIN | ANY
NUMBERS = st.sampled_from([0.5, 3.0, 40.0, 62.5, 1250.0, 9999.0, -4.0])
COLORS = st.sampled_from(["red", "light blue", "gray"])
NOUNS = st.sampled_from(["city", "series", "age group", "year"])
RANKS = (Way.HIGHEST, Way.LOWEST, Way.SECOND_HIGHEST, Way.SECOND_LOWEST)
EXTREMES = (Way.HIGHEST, Way.LOWEST)
SIDES = (Way.ABOVE, Way.BELOW)


def names(least: int, most: int | None = None) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(NAMES, min_size=least, max_size=most or least).map(tuple)


def asking(
    family: Family, ways: tuple[Way, ...], **fields: st.SearchStrategy[object]
) -> st.SearchStrategy[Asked]:
    return st.builds(Asked, st.just(family), st.sampled_from(ways), **fields)


PAIRS = [
    {"categories": names(2), "series": names(0, 1)},
    {"categories": names(1), "series": names(2)},
]
SHAPES = [
    *(asking(family, (Way.VALUE,), categories=names(1), series=names(0, 1))
      for family in (Family.LABELLED_VALUE, Family.UNLABELLED_VALUE)),
    asking(Family.UNLABELLED_VALUE, EXTREMES, series=names(1)),
    asking(Family.EXTREME, EXTREMES, noun=NOUNS, series=names(0, 1)),
    asking(Family.EXTREME, EXTREMES, noun=NOUNS, categories=names(1)),
    asking(Family.COMPARE, RANKS, categories=names(5, 8), series=names(0, 1)),
    asking(Family.COUNT, SIDES, threshold=NUMBERS, series=names(0, 1)),
    asking(Family.COUNT, SIDES, categories=names(1), series=names(0, 1)),
    asking(Family.COUNT, (Way.EVERY,), series=names(1)),
    asking(Family.PANEL, (Way.VALUE,), panel=NAMES, categories=names(1)),
    asking(Family.PANEL, EXTREMES, panel=NAMES, noun=NOUNS),
    asking(Family.PANEL, (Way.SHOWN,), color=COLORS),
    asking(Family.PANEL, (Way.SHOWN,), kind=st.sampled_from(["bar", "line", "pie"])),
    asking(Family.COLOR_TO_SERIES, (Way.SHOWN,), color=COLORS),
    asking(Family.YES_NO, SIDES, categories=names(1), series=names(0, 1), threshold=NUMBERS),
    *(asking(Family.YES_NO, SIDES, **pair) for pair in PAIRS),
    *(asking(Family.ARITHMETIC, (Way.DIFFERENCE, Way.RATIO), **pair) for pair in PAIRS),
]  # fmt: skip
QUESTIONS = st.one_of(SHAPES)


@settings(max_examples=400, deadline=None)
@given(QUESTIONS, st.integers(0, 100))
def test_a_question_is_read_as_what_it_was_written_from(asked: Asked, variant: int) -> None:
    assert read_question(phrase(asked, variant)) == asked


@settings(max_examples=60, deadline=None)
@given(QUESTIONS)
def test_there_are_at_least_four_wordings_of_each_question_and_they_differ(asked: Asked) -> None:
    texts = {phrase(asked, variant) for variant in range(variants(asked))}
    assert len(texts) >= 4
    assert phrase(asked, variants(asked)) in texts


@settings(max_examples=60, deadline=None)
@given(QUESTIONS)
def test_what_is_asked_goes_through_json(asked: Asked) -> None:
    assert Asked.from_dict(json.loads(json.dumps(asked.as_dict()))) == asked


def test_no_wording_of_one_family_is_read_as_another() -> None:
    value = Asked(Family.LABELLED_VALUE, Way.VALUE, categories=("Oslo",))
    others = [Asked(Family.UNLABELLED_VALUE, Way.VALUE, categories=("Oslo",))]
    for one, variant in product([value, *others], range(16)):
        assert read_question(phrase(one, variant)) == one


@pytest.mark.parametrize(
    "text",
    ["", "What?", "Which city is the nicest?", "Is Oslo above ?", "What value is written at oslo?"],
)
def test_other_texts_are_not_read(text: str) -> None:
    assert read_question(text) is None


def test_spaces_do_not_matter() -> None:
    assert read_question("  Count the points\n of Wind. ") == Asked(
        Family.COUNT, Way.EVERY, series=("Wind",)
    )


@pytest.mark.parametrize("name", ['the "best"', "", "two\nlines"])
def test_a_name_that_cannot_be_quoted_is_refused(name: str) -> None:
    asked = Asked(Family.LABELLED_VALUE, Way.VALUE, categories=(name,))
    with pytest.raises(ValueError, match="name"):
        phrase(asked, 0)


def test_a_question_without_words_is_refused() -> None:
    with pytest.raises(ValueError, match="no words"):
        phrase(Asked(Family.COUNT, Way.RATIO), 0)
