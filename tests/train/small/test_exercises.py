"""What the small model learns before it meets a tool."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from thinkimg_eval.synthcharts.wording import read_question
from thinkimg_train.small.exercises import ExerciseBook, batches, collate
from thinkimg_train.small.lessons import QUESTIONS, Lesson, lesson, lesson_of, look_at, table
from thinkimg_train.small.lists import invent
from thinkimg_train.small.lookups import LOOKUPS, lookup_of, lookups
from thinkimg_train.small.pictures import KINDS, draw, questions
from thinkimg_train.small.pretraining import chart_processor
from thinkimg_train.small.vocabulary import colors, headings, names

CROWDS = st.floats(0, 1)
SEEDS = st.integers(0, 10_000)


@pytest.fixture(scope="module")
def processor() -> Any:
    return chart_processor()


@settings(max_examples=60, deadline=None)
@given(SEEDS, CROWDS)
def test_lists_are_what_tools_write(seed: int, crowd: float) -> None:
    random_ = random.Random(seed)
    seen = look_at(invent(random_, names(), colors(), headings(), crowd), random_)
    spans, *found = [json.loads(line) for line in seen.lists.splitlines()]
    for one in (*spans["spans"], *(mark for list_ in found for mark in list_["detections"])):
        x0, y0, x1, y1 = one["box"]
        assert 0 <= x0 < x1 <= 1000
        assert 0 <= y0 < y1 <= 1000


@settings(max_examples=60, deadline=None)
@given(SEEDS)
def test_what_is_written_beside_a_name_is_its_number(seed: int) -> None:
    random_ = random.Random(seed)
    layout = invent(random_, names(), colors(), headings())
    asked = lesson_of("number", layout, random_)
    if asked is None:
        return
    [(question, answer)] = asked.turns
    understood = read_question(question)
    assert understood is not None
    series = understood.series[0] if understood.series else ""
    [right] = {
        entry.written.rstrip("%")
        for entry in layout.groups.get(series, layout.entries)
        if entry.name == understood.categories[0]
    }
    assert answer == f"<answer>{right}</answer>"


@pytest.mark.parametrize("make", [lesson, lookups])
def test_no_lesson_asks_or_tells_of_an_unasked_name(make: Callable[..., Lesson]) -> None:
    random_ = random.Random(0)
    unasked = frozenset(names()[:200])
    turns = 0
    for _ in range(40):
        one = make(invent(random_, names(), colors(), headings()), random_, unasked)
        for question, answer in one.turns:
            turns += 1
            assert not any(name in f"{question} {''.join(answer)}" for name in unasked)
    assert turns > 20


def test_the_first_question_stands_before_the_lists_or_after_them(processor: Any) -> None:
    book = ExerciseBook(processor, random.Random(0))
    for ahead in (True, False):
        made = book.about_lists(Lesson("THE LIST", [("Which?", "A"), ("How?", "B")], ahead))
        text = processor.tokenizer.decode(made.ids)
        assert ("Which?\nTHE LIST" in text) is ahead
        assert ("THE LIST\nWhich?" in text) is not ahead
        assert text.count("THE LIST") == 1


def test_what_is_looked_up_stands_in_the_lists() -> None:
    random_ = random.Random(3)
    for kind in LOOKUPS:
        found = 0
        while found < 10:
            one = lookup_of(kind, invent(random_, names(), colors(), headings()), random_)
            if one is None:
                continue
            found += 1
            [(_, parts)] = one.turns
            for said in re.findall(r"\[[^]]+\]|[^][,]+", "".join(parts)):
                assert said.strip("[].; ") in one.lists


def test_every_kind_of_question_comes_up() -> None:
    random_ = random.Random(1)
    for kind in QUESTIONS:
        layouts = (invent(random_, names(), colors(), headings()) for _ in range(60))
        assert any(lesson_of(kind, layout, random_) for layout in layouts), kind


def test_nothing_tells_how_tools_are_called(processor: Any) -> None:
    book = ExerciseBook(processor, random.Random(0), crowd=0.5)
    text = "".join(processor.tokenizer.decode(book.exercise().ids) for _ in range(60))
    assert "tool_call" not in text
    assert '"arguments"' not in text
    assert '"actions"' not in text


def test_a_row_of_a_table_is_given_by_its_name_and_only_the_rest_is_learnt(processor: Any) -> None:
    book = ExerciseBook(processor, random.Random(0))
    made = book.about_lists(table(["Kenya", "Spain", "Peru"], random.Random(0), rows=3))
    learnt = [token for token, trained in zip(made.ids, made.trained, strict=True) if trained]
    told = processor.tokenizer.decode(learnt)
    assert not any(name in told for name in ("Kenya", "Spain", "Peru"))
    assert any(character.isdigit() for character in told)


def test_a_picture_is_as_small_as_a_policy_sees_charts() -> None:
    random_ = random.Random(0)
    for _ in range(30):
        picture = draw(random_)
        height, width, _ = picture.pixels.shape
        assert height * width <= 112 * 112
        assert height % 28 == width % 28 == 0
        asked = dict(questions(picture, random_))
        assert asked["How many panels are there?"] == str(len(picture.panels))


def test_bars_that_lie_begin_at_the_left() -> None:
    random_ = random.Random(0)
    seen = 0
    while seen < 5:
        picture = draw(random_)
        [panel, *others] = picture.panels
        if others or panel.kind != "lying bars" or panel.colors[0] in ("black", "gray"):
            continue
        seen += 1
        corner = picture.pixels[0, 0].astype(int)
        marked = np.abs(picture.pixels.astype(int) - corner).sum(-1) > 90
        half = marked.shape[1] // 2
        assert marked[:, :half].sum() > marked[:, half:].sum()


def test_all_kinds_of_charts_are_drawn() -> None:
    random_ = random.Random(0)
    drawn = {panel.kind for _ in range(60) for panel in draw(random_).panels}
    assert drawn == set(KINDS)


def test_a_batch_has_a_feature_for_each_place_of_its_images(processor: Any) -> None:
    book = ExerciseBook(processor, random.Random(2))
    token = processor.tokenizer.convert_tokens_to_ids("<|image_pad|>")
    for batch, _ in zip(batches(book, 4000, pool=20), range(4), strict=False):
        inputs, trained = collate(batch, token)
        assert trained.shape == inputs["input_ids"].shape
        assert trained.any()
        places = int((inputs["input_ids"] == token).sum())
        if places:
            merged = processor.image_processor.merge_size**2
            assert int(inputs["image_grid_thw"].prod(dim=1).sum()) == places * merged
            assert torch.equal(inputs["mm_token_type_ids"] == 1, inputs["input_ids"] == token)


def test_what_a_question_lists_is_answered_in_its_order() -> None:
    random_ = random.Random(5)
    listed = 0
    while listed < 20:
        layout = invent(random_, names(), colors(), headings())
        for question, answer in lookups(layout, random_, frozenset()).turns:
            if not isinstance(answer, str):
                continue
            listed += 1
            asked = question.partition(": ")[2].rstrip("?").split(", ")
            places = [f" {answer}".index(f" {name} ") for name in asked]
            assert places == sorted(places)
