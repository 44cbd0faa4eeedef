"""Tokens as people read them, and where images stand among them, in every family."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import transformers

from thinkimg_agent.policies.chat_tokens import ChatTokens
from thinkimg_agent.sample import Sample
from thinkimg_train.batches import collate
from thinkimg_train.chat import chat_of
from thinkimg_train.data_config import DataSection
from thinkimg_train.dataset import open_dataset
from thinkimg_train.inspect import view_of_batch
from thinkimg_train.inspect.placeholders import spans_of_images
from thinkimg_train.inspect.words import TokenWords
from thinkimg_train.samples import TrainingSample

from ...agent.policies.tiny_families import FAMILIES
from ...mesh_fixtures import png
from ..recorded import dialect_named, record, three_turns

PLACEHOLDER, BEGIN, END, WORD = 9, 8, 7, 1


def spans(ids: list[int], images: int) -> list[tuple[int, int]]:
    return spans_of_images(
        ids,
        100,
        images,
        is_placeholder=lambda token: token == PLACEHOLDER,
        belongs_to_image=lambda token: token in (BEGIN, END),
    )


def test_images_with_words_between_them_are_told_apart() -> None:
    ids = [WORD, BEGIN, 9, 9, END, WORD, BEGIN, 9, END, WORD]
    assert spans(ids, 2) == [(102, 104), (107, 108)]


def test_tiles_of_an_image_are_one_image() -> None:
    assert spans([BEGIN, 9, 9, END, BEGIN, 9, END, WORD, BEGIN, 9, END], 2) == [
        (101, 106),
        (109, 110),
    ]


def test_images_with_marks_between_them_only_are_told_apart_by_these() -> None:
    assert spans([BEGIN, 9, 9, END, BEGIN, 9, END], 2) == [(101, 103), (105, 106)]


def test_images_with_nothing_between_them_are_shared_out_evenly_if_they_can_be() -> None:
    assert spans([WORD, 9, 9, 9, 9, WORD], 2) == [(101, 103), (103, 105)]
    assert spans([WORD, 9, 9, 9, WORD], 2) == [(101, 104), (101, 104)]


def test_where_no_image_is_there_is_no_span() -> None:
    assert spans([WORD, WORD], 0) == []
    assert spans([WORD, WORD], 1) == []


@pytest.fixture(scope="module", params=sorted(FAMILIES))
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    made = FAMILIES[request.param]
    return str(made.save(tmp_path_factory.mktemp(request.param), made.chat))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An episode that begins with two images, and gets a third one."""
    folder = tmp_path_factory.mktemp("run")
    dialect = dialect_named("hermes-brief")
    sample = Sample("s", "Which 月 is it?", (png(40, 48), png(70, 33)))
    record(folder, [(sample, three_turns(dialect))], dialect)
    return folder


def test_every_image_is_found_in_every_family(model: str, run: Path) -> None:
    dataset = open_dataset(DataSection(trajectories=(run,), max_pixels=1 << 14), model)
    sample = dataset[0]
    assert isinstance(sample, TrainingSample)
    chat = chat_of(model)
    (row,) = view_of_batch(collate([sample], 0), dataset, chat, title="", facts={}).rows
    assert [image.name for image in row.images] == ["img_1", "img_2", "img_3"]
    shown = [number for stretch in row.stretches for number in stretch.images]
    assert sorted(set(shown)) == [0, 1, 2]
    found = {stretch.images: stretch.count for stretch in row.stretches if stretch.images}
    assert sum(found.values()) >= sample.image_tokens
    assert row.count_of("system") > 100
    assert row.count_of("assistant") == sample.trained.sum()


def test_tokens_said_one_by_one_say_the_same(model: str) -> None:
    chat = ChatTokens(_processor(model), transformers.AutoConfig.from_pretrained(model))
    text = "Which 月 is it? Ünder «8» é\n  two"
    ids = chat.tokenizer.encode(text, add_special_tokens=False)
    words = TokenWords(chat.tokenizer).of_all(ids)
    assert len(words) == len(ids)
    assert "".join(words) == text


def _processor(model: str) -> Any:
    loader: Any = transformers.AutoProcessor
    return loader.from_pretrained(model)
