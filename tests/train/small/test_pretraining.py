"""How the small model is trained before it meets a tool."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForImageTextToText

from thinkimg_train.small.exercises import told_apart
from thinkimg_train.small.pretraining import Recipe, chart_processor, pretrain


def test_the_rate_rises_stays_and_falls() -> None:
    recipe = Recipe(learning_rate=1.0, warmup_steps=10, decay_share=0.5)
    rates = [
        recipe.rate(share, step) for share, step in ((0, 0), (0.01, 9), (0.5, 99), (0.75, 150))
    ]
    assert rates == pytest.approx([0.1, 1.0, 1.0, 0.5])
    assert recipe.rate(1.0, 200) == pytest.approx(0.02)


def test_lists_grow_to_those_of_charts() -> None:
    recipe = Recipe(alone_share=0.1, full_share=0.5)
    assert [recipe.crowd(share) for share in (0, 0.1, 0.3, 0.5, 1)] == pytest.approx(
        [0, 0, 0.5, 1, 1]
    )


def test_what_only_gives_an_answer_its_form_is_told_from_what_it_says() -> None:
    tokenizer = chart_processor().tokenizer
    worth = told_apart(tokenizer)
    for text, says in (("Kenya", True), ("812", True), (", ", False), ("<answer>", False)):
        [token] = tokenizer(text, add_special_tokens=False)["input_ids"]
        assert bool(worth[token]) is says


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("base")
    # One batch of tables, one of all kinds.
    few = Recipe(tokens=2_500, batch_tokens=1_500, alone_share=0.3, examined=2, compiled=False)
    pretrain(out, few)
    return out


def test_what_comes_out_is_a_model_like_any_other(base: Path) -> None:
    model: Any = AutoModelForImageTextToText.from_pretrained(base)
    assert all(torch.isfinite(weight).all() for weight in model.parameters())
    told = json.loads((base / "examination.json").read_text())
    assert set(told["right"]) >= {"row", "unseen Bars", "Colors", "color", "What is drawn?"}


def test_a_base_takes_less_than_twelve_megabytes(base: Path) -> None:
    assert sum(file.stat().st_size for file in base.iterdir()) <= 12e6
