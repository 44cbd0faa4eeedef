"""Steps of batches out of recorded episodes."""

from __future__ import annotations

import multiprocessing
import shutil
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
import torch

from thinkimg_rpc.errors import InvalidRequest
from thinkimg_train.batches import Batch
from thinkimg_train.data_config import BatchSection, DataSection
from thinkimg_train.dataset import EpisodeDataset, open_dataset
from thinkimg_train.loader import Position, StepLoader

from ..workers.tiny_checkpoints import save_qwen_vl
from .recorded import dialect_named, record_three_turns

EPISODES, OF_A_STEP = 14, 4
STEPS = 4
"""Of an epoch: the last one is of two episodes."""
Seen = list[tuple[int, int, list[str]]]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_qwen_vl(tmp_path_factory.mktemp("model")))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    record_three_turns(folder, dialect_named("hermes"), EPISODES)
    return folder


def opened(run: Path, model: str) -> EpisodeDataset:
    return open_dataset(DataSection(trajectories=(run,), max_pixels=1 << 14), model)


def loader_of(
    dataset: EpisodeDataset, *, rank: int = 0, ranks: int = 1, workers: int = 0
) -> StepLoader:
    longest = int(dataset.lengths.tokens.max())
    section = BatchSection(episodes=OF_A_STEP, tokens=3 * longest, image_tokens=10_000)
    return StepLoader(dataset, section, seed=5, rank=rank, ranks=ranks, workers=workers)


def batches_of(loader: StepLoader, steps: int) -> Iterator[tuple[int, int, list[Batch]]]:
    for step in islice(loader.steps(), steps):
        yield step.epoch, step.number, list(step.batches)


def seen_by(loader: StepLoader, steps: int) -> Seen:
    return [
        (epoch, number, sorted(source for batch in batches for source in batch.sources))
        for epoch, number, batches in batches_of(loader, steps)
    ]


def test_an_epoch_is_every_episode_once(run: Path, model: str) -> None:
    seen = seen_by(loader_of(opened(run, model)), 2 * STEPS)
    assert [(epoch, number) for epoch, number, _ in seen] == [
        (epoch, number) for epoch in (0, 1) for number in range(STEPS)
    ]
    for epoch in (0, 1):
        counts = Counter(source for e, _, sources in seen if e == epoch for source in sources)
        assert len(counts) == EPISODES
        assert set(counts.values()) == {1}


def test_two_processes_together_do_what_one_does(run: Path, model: str) -> None:
    dataset = opened(run, model)
    alone = seen_by(loader_of(dataset), STEPS)
    shares = [seen_by(loader_of(dataset, rank=rank, ranks=2), STEPS) for rank in (0, 1)]
    together = [
        (epoch, number, sorted(mine + others))
        for (epoch, number, mine), (_, _, others) in zip(*shares, strict=True)
    ]
    assert together == alone


def test_a_run_goes_on_exactly_where_it_was_broken_off(run: Path, model: str) -> None:
    dataset = opened(run, model)
    whole = list(batches_of(loader_of(dataset), 2 * STEPS))
    for done in range(1, 2 * STEPS):
        *_, last = islice(loader_of(dataset).steps(), done)
        second = loader_of(dataset)
        second.go_on_from(last.after)
        ((epoch, number, batches),) = batches_of(second, 1)
        assert (epoch, number) == whole[done][:2]
        for one, other in zip(batches, whole[done][2], strict=True):
            assert one.sources == other.sources
            assert torch.equal(one.inputs["input_ids"], other.inputs["input_ids"])
            assert torch.equal(one.inputs["pixel_values"], other.inputs["pixel_values"])


def test_a_step_knows_how_many_tokens_of_all_ranks_are_learned_from(run: Path, model: str) -> None:
    dataset = opened(run, model)
    loaders = [loader_of(dataset, rank=rank, ranks=3) for rank in range(3)]
    for steps in islice(zip(*(loader.steps() for loader in loaders), strict=True), STEPS):
        found = sum(batch.trained_tokens for step in steps for batch in step.batches)
        assert {step.trained_tokens for step in steps} == {found}


def test_a_rank_that_has_nothing_left_takes_part_and_learns_nothing(run: Path, model: str) -> None:
    dataset = opened(run, model)
    ranks = [loader_of(dataset, rank=rank, ranks=5).steps() for rank in range(5)]
    batches = [next(next(steps).batches) for steps in ranks]
    counts = [batch.trained_tokens for batch in batches]
    assert counts.count(0) == 1
    assert all(batch.inputs["input_ids"].numel() for batch in batches)


def test_rows_are_filled_up_on_the_right_and_nothing_attends_to_that(run: Path, model: str) -> None:
    batch = next(
        batch
        for _, _, batches in batches_of(loader_of(opened(run, model)), STEPS)
        for batch in batches
        if (batch.inputs["attention_mask"] == 0).any()
    )
    mask = batch.inputs["attention_mask"]
    assert torch.equal(mask, mask.sort(dim=1, descending=True).values)
    assert not batch.trained[mask == 0].any()
    assert batch.trained.shape == mask.shape == batch.inputs["input_ids"].shape


def test_an_episode_that_went_bad_since_is_named_and_the_others_of_its_batch_stay(
    run: Path, model: str, tmp_path: Path
) -> None:
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    dataset = opened(copy, model)
    gone = dataset.places[3].source
    file = dataset.places[3].file
    lines = file.read_bytes().splitlines(keepends=True)
    lines[3] = b"x" * (len(lines[3]) - 1) + b"\n"
    file.write_bytes(b"".join(lines))
    batches = [b for _, _, some in batches_of(loader_of(dataset), STEPS) for b in some]
    sources = [source for batch in batches for source in batch.sources]
    assert len(sources) == EPISODES - 1
    (left_out,) = (one for batch in batches for one in batch.left_out)
    assert (left_out.source, left_out.kind) == (gone, "broken line")


def test_a_run_goes_on_with_the_data_it_began_with(run: Path, model: str) -> None:
    loader = loader_of(opened(run, model))
    with pytest.raises(InvalidRequest, match="the very episodes"):
        loader.go_on_from(Position(1, 2, "others"))


def test_a_batch_that_is_too_small_for_the_longest_episode_is_refused(
    run: Path, model: str
) -> None:
    with pytest.raises(InvalidRequest, match=r"batch\.tokens: the longest episode has"):
        StepLoader(opened(run, model), BatchSection(tokens=100), seed=0)


def test_other_processes_make_the_same_batches(run: Path, model: str) -> None:
    dataset = opened(run, model)
    assert seen_by(loader_of(dataset, workers=1), STEPS) == seen_by(loader_of(dataset), STEPS)


def test_other_processes_end_with_their_work_done(run: Path, model: str) -> None:
    steps = loader_of(opened(run, model), workers=1).steps()
    next(steps)
    (process,) = multiprocessing.active_children()
    steps.close()
    process.join(10)
    assert process.exitcode == 0


def test_reading_takes_no_random_numbers_from_the_model(run: Path, model: str) -> None:
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    seen_by(loader_of(opened(run, model)), 1)
    assert torch.equal(torch.rand(1), expected)
