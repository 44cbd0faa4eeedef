"""Multiple choice by letter or by words."""

from __future__ import annotations

import pytest

from thinkimg_eval.scorers import choice

from .questions import sample_with

CHOICES = ["a cat", "a dog", "12", "both"]


@pytest.mark.parametrize(
    "answer",
    ["B", "b", "(B)", "(b)", "B.", "B)", "B:", "Option B", "choice (b)", "a dog", "A Dog"],
)
@pytest.mark.parametrize("truth", ["B", "(b)", "a dog"])
def test_the_right_choice_is_known_in_every_form(answer: str, truth: str) -> None:
    assert choice(answer, sample_with(truth, choices=CHOICES)) == 1


@pytest.mark.parametrize(
    "answer",
    ["B. a dog", "(B) a dog", "The answer is B.", "<answer>B</answer>", "\\boxed{B}"],
)
def test_so_it_is_in_a_sentence(answer: str) -> None:
    assert choice(answer, sample_with("B", choices=CHOICES)) == 1


@pytest.mark.parametrize(
    "answer",
    ["A", "a cat", "B. a cat", "dog", "Bee", "E", "A or B", "B C", "B and D", "Both", "12", ""],
)
def test_other_choices_and_more_than_one_are_wrong(answer: str) -> None:
    assert choice(answer, sample_with("B", choices=CHOICES)) == 0


def test_without_choices_letters_are_compared_and_then_words() -> None:
    assert choice("(c)", sample_with("C")) == 1
    assert choice("c", sample_with("D")) == 0
    assert choice("Unanswerable", sample_with("unanswerable")) == 1


def test_a_choice_that_is_itself_a_letter_is_taken_at_its_word() -> None:
    assert choice("B", sample_with("B", choices=["B", "A"])) == 1
    assert choice("A", sample_with("B", choices=["B", "A"])) == 0
