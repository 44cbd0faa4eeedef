"""What holds of every scorer, whatever is answered."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thinkimg_agent.sample import Sample
from thinkimg_eval.scorers import SCORERS, scorer_named
from thinkimg_rpc.errors import InvalidRequest

from .questions import sample_with

Rule = Callable[[str, Sample], float]
TEXTS = st.one_of(
    st.text(max_size=40),
    st.text(alphabet="0123456789.,%-+e^ /$\\{}()!", max_size=12),
    st.floats().map(str),
    st.integers().map(str),
    st.from_regex(r"\(?[A-E][.)]? ?[a-z]{0,5}", fullmatch=True),
)
FILLED = TEXTS.filter(lambda text: bool(text.strip()))
all_rules = pytest.mark.parametrize("rule", SCORERS.values(), ids=SCORERS)


@all_rules
@given(answer=TEXTS, truth=FILLED)
@settings(max_examples=60, deadline=None)
def test_no_answer_raises_or_leaves_the_scale(rule: Rule, answer: str, truth: str) -> None:
    assert 0 <= rule(answer, sample_with(truth, choices=["cat", "dog", truth])) <= 1


@all_rules
@given(truth=FILLED)
@settings(max_examples=60, deadline=None)
def test_the_truth_scores_full(rule: Rule, truth: str) -> None:
    if rule is SCORERS["openthinkimg_fuzzy"]:
        return  # Its quotation marks count as letters: see test_legacy.py.
    assert rule(truth, sample_with(truth)) == 1


@all_rules
@pytest.mark.parametrize("answer", ["", " ", "\n\t", "\N{NO-BREAK SPACE}"])
@pytest.mark.parametrize("truth", ["0", "None", "x"])
def test_an_empty_answer_scores_nothing(rule: Rule, answer: str, truth: str) -> None:
    assert rule(answer, sample_with(truth)) == 0


def test_an_unknown_name_is_told_the_known_ones() -> None:
    with pytest.raises(InvalidRequest, match="relaxed"):
        scorer_named("fuzzy")
