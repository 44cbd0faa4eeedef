"""Rows that stand side by side are to a model what each is alone, in every family."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from thinkimg_agent.sample import Sample
from thinkimg_train.batches import collate
from thinkimg_train.chat import chat_of, padding_of
from thinkimg_train.data_config import DataSection
from thinkimg_train.dataset import open_dataset
from thinkimg_train.samples import TrainingSample

from ..agent.policies.tiny_families import FAMILIES
from ..mesh_fixtures import png
from .recorded import dialect_named, record, three_turns


@pytest.fixture(scope="module", params=sorted(FAMILIES))
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    made = FAMILIES[request.param]
    return str(made.save(tmp_path_factory.mktemp(request.param), made.chat))


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Episodes with two images, with one, with none, and with three of which two came first."""
    folder = tmp_path_factory.mktemp("run")
    dialect = dialect_named("hermes-brief")
    script = three_turns(dialect)
    samples = [
        (Sample("two", "Which bar?", (png(40, 48),)), script),
        (Sample("one", "Which?", (png(90, 30),)), script[-1:]),
        (Sample("none", "Which year is it?", ()), script[-1:]),
        (Sample("three", "Which line?", (png(33, 70), png(48, 40))), script),
    ]
    record(folder, samples, dialect)
    return folder


def samples_of(run: Path, model: str) -> list[TrainingSample]:
    dataset = open_dataset(DataSection(trajectories=(run,), max_pixels=1 << 14), model)
    found = [dataset[number] for number in range(len(dataset))]
    return [one for one in found if isinstance(one, TrainingSample)]


def test_a_batch_gives_each_row_what_it_gets_alone(run: Path, model: str) -> None:
    loader: Any = transformers.AutoModelForImageTextToText
    network = loader.from_pretrained(model, dtype=torch.float32)
    network.train()  # some families take in more than when they write; there is no dropout
    samples = samples_of(run, model)
    assert len(samples) == 4
    padding = padding_of(chat_of(model))
    with torch.no_grad():
        together = network(**collate(samples, padding).inputs, use_cache=False).logits
        for row, sample in zip(together, samples, strict=True):
            alone = network(**collate([sample], padding).inputs, use_cache=False).logits[0]
            assert torch.allclose(row[: len(sample)], alone, atol=1e-3)


def test_a_row_whose_images_cannot_stand_beside_the_others_is_left_out_alone(
    run: Path, model: str
) -> None:
    first, *others = [sample for sample in samples_of(run, model) if sample.pixels]
    odd = TrainingSample(
        input_ids=first.input_ids,
        trained=first.trained,
        per_token=first.per_token,
        pixels={"pixel_values": torch.zeros(2)},
        image_tokens=first.image_tokens,
        source="odd",
    )
    batch = collate([first, odd, *others], 0)
    assert batch.sources == (first.source, *(one.source for one in others))
    assert [(one.source, one.kind) for one in batch.left_out] == [("odd", "image features")]
