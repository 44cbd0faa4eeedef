"""What a policy's step does to its scores, however its episodes are cut into passes."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate import Accelerator

from thinkimg_agent.reply import Reply, WrittenCall
from thinkimg_agent.sample import Sample
from thinkimg_train.chat import chat_of, padding_of
from thinkimg_train.distribution import Stepper
from thinkimg_train.grpo_config import UpdateSection
from thinkimg_train.learning import Learned, Learner, Lesson, Reference, Sampling
from thinkimg_train.losses.settings import LossSection, MismatchSection
from thinkimg_train.samples import sample_of

from ...mesh_fixtures import png
from ..recorded import CROP, dialect_named, record
from ..tiny_batches import load

INSIDE = {"image": "img_2", "box": CROP["box"]}
PLAIN = LossSection()
NEVER = (5, 60)
"""Bytes that no text of these tests has."""


class Watched(torch.nn.Module):
    """A model whose scores of all tokens are kept, with their gradient, pass by pass."""

    dtype = torch.float32

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.inside = model
        self.scores: list[torch.Tensor] = []

    def forward(self, **inputs: Any) -> Any:
        made = self.inside(**inputs)
        if made.logits.requires_grad:
            made.logits.retain_grad()
            self.scores.append(made.logits)
        return made


@pytest.fixture(scope="module")
def lessons(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Lesson]:
    """Two crops and an answer; an answer at once; one that ran out of tokens."""
    dialect = dialect_named("hermes")
    calls = [(WrittenCall("Crop", one),) for one in (CROP, INSIDE)]
    looking = [dialect.write(Reply("I look closer.", one)) for one in calls]
    answer = dialect.write(Reply("Done.", answer="the red one"))
    scripts = [[*looking, answer], [answer], [dialect.write(Reply("Hm.", answer="the blue one"))]]
    sample = Sample("s", "Which bar is higher?", (png(56, 56),), "the red one")
    episodes = record(
        tmp_path_factory.mktemp("run"), [(sample, list(script)) for script in scripts], dialect
    )
    assert [len(episode.images) for episode in episodes] == [3, 1, 1]
    chat = chat_of(str(tiny_model))
    samples = [
        sample_of(one, chat, one.pictures.get, source=str(number), max_pixels=1 << 14)
        for number, one in enumerate(episodes)
    ]
    return [
        Lesson(sample, advantage, [float("nan")] * int(sample.trained.sum()), cut_off)
        for sample, advantage, cut_off in zip(
            samples, (1.0, -0.5, -0.5), (False, False, True), strict=True
        )
    ]


def learner(
    model: torch.nn.Module,
    tiny_model: Path,
    *,
    reference: Reference | None = None,
    loss: LossSection = PLAIN,
    **update: Any,
) -> Learner:
    accelerator = Accelerator(cpu=True)
    stepper = Stepper(
        accelerator,
        model,
        torch.optim.SGD(model.parameters(), lr=0.0),
        autocast="no",
        max_gradient_norm=0.0,
    )
    return Learner(
        stepper,
        reference,
        Sampling(0.7, NEVER),
        padding=padding_of(chat_of(str(tiny_model))),
        update=UpdateSection(**update),
        loss=loss,
        mismatch=MismatchSection(),
        seed=0,
    )


def learn(lessons: Sequence[Lesson], tiny_model: Path, rate: float = 0.0, **over: Any) -> Learned:
    model = learner(load(tiny_model), tiny_model, **over)
    return model.learn(lessons, [one.sample for one in lessons], 0, rate)


def test_scores_have_a_gradient_exactly_where_a_token_of_any_turn_was_sampled(
    lessons: list[Lesson], tiny_model: Path
) -> None:
    model = Watched(load(tiny_model))
    learner(model, tiny_model).learn(lessons[:2], [], 0, 0.0)
    (scores,) = model.scores
    assert scores.grad is not None
    learned = scores.grad.abs().amax(-1) > 0
    longest = max(len(one.sample) for one in lessons[:2])
    for row, lesson in enumerate(lessons[:2]):
        wanted = torch.zeros(longest, dtype=torch.bool)
        # A token is predicted by what stands one before it.
        wanted[: len(lesson.sample) - 1] = lesson.sample.trained[1:]
        assert torch.equal(learned[row], wanted)
    assert len(lessons[0].sample.turns) == 3
    assert scores.grad[..., list(NEVER)].abs().max() == 0


def test_how_episodes_are_cut_into_passes_changes_nothing(
    lessons: list[Lesson], tiny_model: Path
) -> None:
    together = learn(lessons, tiny_model)
    apart = learn(lessons, tiny_model, tokens=1)
    assert apart.loss == pytest.approx(together.loss, abs=1e-5)
    assert apart.gradient_norm == pytest.approx(together.gradient_norm, rel=1e-3)
    assert apart.numbers == pytest.approx(together.numbers, rel=1e-3, abs=1e-6)


def test_episodes_that_were_cut_off_are_skipped_where_that_is_asked_for(
    lessons: list[Lesson], tiny_model: Path
) -> None:
    skipped = learn(lessons, tiny_model, skip_cut_off=True)
    without = learn(lessons[:2], tiny_model)
    assert skipped.gradient_norm == pytest.approx(without.gradient_norm, rel=1e-4)
    assert learn(lessons[2:], tiny_model, skip_cut_off=True) == Learned(0.0, 0.0, {})


def test_a_step_in_which_nothing_teaches_leaves_the_policy_as_it_is(
    lessons: list[Lesson], tiny_model: Path
) -> None:
    assert learn([], tiny_model) == Learned(0.0, 0.0, {})
    few = learn(lessons[:2], tiny_model, parts=3)
    assert few.numbers["entropy"] > 0


def test_ratios_leave_one_only_when_episodes_are_learned_from_again(
    lessons: list[Lesson], tiny_model: Path
) -> None:
    once = learn(lessons, tiny_model, rate=1e-2).numbers
    assert (once["ratio_mean"], once["kl_old"]) == (1.0, 0.0)
    assert learn(lessons, tiny_model, rate=1e-2, times=2).numbers["kl_old"] > 0
    assert learn(lessons, tiny_model, rate=1e-2, parts=3).numbers["kl_old"] > 0


def test_the_distance_to_the_reference_is_that_of_the_models(
    lessons: list[Lesson], tiny_model: Path
) -> None:
    other = load(tiny_model)
    with torch.no_grad():
        other.get_output_embeddings().weight.mul_(1.1)
    near = LossSection(kl_weight=0.1)
    same = learn(lessons, tiny_model, loss=near, reference=lambda: nullcontext(load(tiny_model)))
    apart = learn(lessons, tiny_model, loss=near, reference=lambda: nullcontext(other))
    assert same.numbers["kl_reference"] == pytest.approx(0, abs=1e-6)
    assert apart.numbers["kl_reference"] > 1e-4
