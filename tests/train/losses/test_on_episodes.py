"""A policy learns from all turns of an episode, given all that the tools said and showed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from thinkimg_agent.reply import Reply, WrittenCall
from thinkimg_agent.sample import Sample
from thinkimg_train.batches import Batch, collate
from thinkimg_train.chat import chat_of, padding_of
from thinkimg_train.losses.policy_batch import PolicyBatch, in_rows, step_size
from thinkimg_train.losses.policy_gradient import LOSSES
from thinkimg_train.losses.settings import LossSection
from thinkimg_train.losses.trained_tokens import targets_of, trained_logprobs
from thinkimg_train.samples import sample_of

from ...mesh_fixtures import png
from ..recorded import CROP, dialect_named, record
from ..tiny_batches import load

INSIDE = {"image": "img_2", "box": CROP["box"]}
ADVANTAGES = torch.tensor([1.0, -0.5])


class Watched(torch.nn.Module):
    """A model whose scores of all tokens are kept, with their gradient."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.inside = model
        self.scores = torch.zeros(0)

    def forward(self, **inputs: Any) -> Any:
        made = self.inside(**inputs)
        self.scores = made.logits
        self.scores.retain_grad()
        return made


@pytest.fixture(scope="module")
def batch(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Batch:
    """Two episodes: two crops and an answer, and an answer at once."""
    dialect = dialect_named("hermes")
    calls = [(WrittenCall("Crop", one),) for one in (CROP, INSIDE)]
    looking = [dialect.write(Reply("I look closer.", one)) for one in calls]
    answer = dialect.write(Reply("Done.", answer="the red one"))
    scripts = [[*looking, answer], [answer]]
    sample = Sample("s", "Which bar is higher?", (png(56, 56),), "the red one")
    episodes = record(
        tmp_path_factory.mktemp("run"), [(sample, list(script)) for script in scripts], dialect
    )
    assert [len(episode.images) for episode in episodes] == [3, 1]
    chat = chat_of(str(tiny_model))
    samples = [
        sample_of(one, chat, one.pictures.get, source=str(number), max_pixels=1 << 14)
        for number, one in enumerate(episodes)
    ]
    return collate(samples, padding_of(chat))


def logprobs_of(model: Any, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """(B, K) of the tokens that were sampled, and their mask."""
    targets = targets_of(batch.inputs["input_ids"], batch.trained)
    return in_rows(trained_logprobs(model, batch.inputs, targets), targets, len(batch.trained))


@pytest.mark.parametrize("name", LOSSES)
def test_scores_have_a_gradient_exactly_where_a_token_of_any_turn_was_sampled(
    name: str, batch: Batch, tiny_model: Path
) -> None:
    model = Watched(load(tiny_model))
    logprobs, mask = logprobs_of(model, batch)
    policy = PolicyBatch(logprobs, logprobs.detach(), mask, ADVANTAGES)
    loss = LOSSES[name](policy, LossSection(), step_size(mask)).loss
    (slope,) = torch.autograd.grad(loss, model.scores)
    learned = slope.abs().amax(-1) > 0
    # A token is predicted by what stands one before it.
    assert torch.equal(learned[:, :-1], batch.trained[:, 1:])
    assert not learned[:, -1].any()
    assert len(batch.turns[0]) == 3
    for start, end in batch.turns[0]:
        assert learned[0, start - 1 : end - 1].all()


def test_other_words_of_a_tool_change_what_later_turns_are_worth(
    batch: Batch, tiny_model: Path
) -> None:
    (_, first_end), (second_start, _), _ = batch.turns[0]
    ids = batch.inputs["input_ids"].clone()
    said = first_end + 2
    assert said < second_start
    assert not batch.trained[0, said]
    ids[0, said] = ids[0, 0] + 1
    changed = Batch(batch.inputs | {"input_ids": ids}, batch.trained, batch.sources)
    assert_later_turns_differ(batch, changed, tiny_model)


def test_other_pixels_of_a_tool_change_what_later_turns_are_worth(
    batch: Batch, tiny_model: Path
) -> None:
    grid = batch.inputs["image_grid_thw"].prod(-1)
    pixels = batch.inputs["pixel_values"].clone()
    pixels[grid[0] : grid[0] + grid[1]] *= -3
    changed = Batch(batch.inputs | {"pixel_values": pixels}, batch.trained, batch.sources)
    assert_later_turns_differ(batch, changed, tiny_model)


def assert_later_turns_differ(batch: Batch, changed: Batch, tiny_model: Path) -> None:
    """Of the first episode those after the first turn do; all else is as it was."""
    model = load(tiny_model).eval()
    with torch.no_grad():
        before, mask = logprobs_of(model, batch)
        after, _ = logprobs_of(model, changed)
    differ = (before - after).abs() > 1e-6
    columns = targets_of(batch.inputs["input_ids"], batch.trained).columns
    (_, first_end), *later = batch.turns[0]
    for start, end in later:
        turn = (columns >= start - 1) & (columns < end - 1)
        assert differ[0, turn].any()
    assert not differ[0, columns < first_end - 1].any()
    assert not differ[1].any()
    assert mask[1].any()
