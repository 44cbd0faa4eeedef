"""The small model that comes along."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForImageTextToText, AutoProcessor

import thinkimg_train.small
from thinkimg_train.small.examination import examine
from thinkimg_train.small.pretraining import chart_processor

BASE = Path(thinkimg_train.small.__file__).parent / "weights" / "base"


@pytest.fixture(scope="module")
def model() -> Any:
    return AutoModelForImageTextToText.from_pretrained(BASE, dtype=torch.float32)


@pytest.fixture(scope="module")
def processor() -> Any:
    loader: Any = AutoProcessor
    return loader.from_pretrained(BASE)


def test_it_takes_less_than_twelve_megabytes() -> None:
    assert sum(file.stat().st_size for file in BASE.iterdir()) <= 12e6


def test_it_has_a_card() -> None:
    assert "make repro-base" in (BASE / "README.md").read_text(encoding="utf-8")


def test_its_words_are_those_that_the_project_has_now(processor: Any) -> None:
    assert processor.tokenizer.get_vocab() == chart_processor().tokenizer.get_vocab()


def test_it_copies_what_stands_beside_names_that_nobody_asked_for(
    model: Any, processor: Any
) -> None:
    # 96% of 200; of 60, fewer than 50 would be a chance of one in a thousand.
    kind = "unseen Bars"
    assert examine(model, processor, 60, only=(kind,))[kind] >= 50 / 60
