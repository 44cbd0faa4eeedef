"""How the small model is trained before it meets a tool."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForImageTextToText

from thinkimg_train.small.exercises import Exercise, ExerciseBook, told_apart
from thinkimg_train.small.pretraining import Recipe, Term, chart_processor, pretrain


def test_the_rate_rises_stays_and_falls() -> None:
    term = Term(1.0, 1.0, decay_share=0.5)
    rates = [
        term.rate(share, step, 10) for share, step in ((0, 0), (0.01, 9), (0.5, 99), (0.75, 150))
    ]
    assert rates == pytest.approx([0.1, 1.0, 1.0, 0.5])
    assert term.rate(1.0, 200, 10) == pytest.approx(0.02)


def test_lists_grow_to_those_of_charts() -> None:
    term = Term(1.0, 1.0, decay_share=0.5, alone_share=0.1, full_share=0.5)
    assert [term.crowd(share) for share in (0, 0.1, 0.3, 0.5, 1)] == pytest.approx(
        [0, 0, 0.5, 1, 1]
    )
    assert Term(1.0, 1.0, decay_share=0.5).crowd(0) == 1


def test_names_that_nobody_asks_for_are_not_learnt_to_be_wrong() -> None:
    book = ExerciseBook(chart_processor(), random.Random(0))
    kept_out = book.never_answered()
    assert len(kept_out) > 30
    spoken = {token for _ in range(50) for token in _answered(book.exercise())}
    assert not spoken & set(kept_out.tolist())


def _answered(exercise: Exercise) -> set[int]:
    return {token for token, trained in zip(exercise.ids, exercise.trained, strict=True) if trained}


def test_what_only_gives_an_answer_its_form_is_told_from_what_it_says() -> None:
    tokenizer = chart_processor().tokenizer
    worth = told_apart(tokenizer)
    for text, says in (("Kenya", True), ("812", True), (", ", False), ("<answer>", False)):
        [token] = tokenizer(text, add_special_tokens=False)["input_ids"]
        assert bool(worth[token]) is says


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("base")
    # One batch of tables, one of all kinds, and again in the second term.
    terms = (
        Term(0.5, 1e-3, 0.4, alone_share=0.6, full_share=1),
        Term(0.5, 1e-3, 0.4, widened=True),
    )
    few = Recipe(tokens=5_000, terms=terms, batch_tokens=1_500, examined=2, compiled=False)
    pretrain(out, few)
    return out


def test_what_comes_out_is_a_model_like_any_other(base: Path) -> None:
    model: Any = AutoModelForImageTextToText.from_pretrained(base)
    assert all(torch.isfinite(weight).all() for weight in model.parameters())
    told = json.loads((base / "examination.json").read_text())
    assert set(told["right"]) >= {"row", "unseen Bars", "Colors", "color", "What is drawn?"}


def test_a_base_takes_less_than_twelve_megabytes(base: Path) -> None:
    assert sum(file.stat().st_size for file in base.iterdir()) <= 12e6
