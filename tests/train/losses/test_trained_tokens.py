"""The loss of trained tokens: what it counts, and that another trainer computes the same."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import transformers

from thinkimg_train.batches import Batch
from thinkimg_train.losses.trained_tokens import sum_loss, targets_of, trained_logprobs

from ..tiny_batches import batch_of, load

ANSWERS = ["yes", "no, it is blue", "a"]


@pytest.fixture(scope="module")
def batch(tiny_model: Path) -> Batch:
    return batch_of(tiny_model, ANSWERS)


class Uniform(torch.nn.Module):
    """Finds all four tokens equally likely, but for token 3, three times likelier after 2."""

    def forward(self, input_ids: torch.Tensor, use_cache: bool) -> Any:
        logits = torch.zeros((*input_ids.shape, 4))
        logits[..., 3] = torch.where(input_ids == 2, torch.tensor(3.0).log(), torch.tensor(0.0))
        return SimpleNamespace(logits=logits)


class UniformOfSome(torch.nn.Module):
    """The same, where only some scores are asked for."""

    def forward(
        self, input_ids: torch.Tensor, use_cache: bool, logits_to_keep: torch.Tensor
    ) -> Any:
        whole = Uniform()(input_ids, use_cache)
        return SimpleNamespace(logits=whole.logits[:, logits_to_keep])


@pytest.mark.parametrize("model", [Uniform(), UniformOfSome()])
def test_a_token_is_predicted_by_what_stands_before_it(model: torch.nn.Module) -> None:
    ids = torch.tensor([[0, 2, 3, 1], [3, 3, 2, 2]])
    trained = torch.tensor([[True, False, True, True], [False, True, False, True]])
    targets = targets_of(ids, trained)
    assert targets.count == 4  # the first token of the first row follows nothing
    logprobs = trained_logprobs(model, {"input_ids": ids}, targets)
    # 3 after 2: 3 of 6 parts; 1 after 3: 1 of 4; 3 after 3: 1 of 4; 2 after 2: 1 of 6.
    assert torch.allclose(logprobs.exp(), torch.tensor([1 / 2, 1 / 4, 1 / 4, 1 / 6]))
    assert float(sum_loss(logprobs, 4)) == pytest.approx(-float(logprobs.mean()))


def test_what_rows_are_filled_up_with_changes_nothing(batch: Batch, tiny_model: Path) -> None:
    model, inputs = load(tiny_model), batch.inputs
    assert not inputs["attention_mask"].all()
    targets = targets_of(inputs["input_ids"], batch.trained)
    filled = torch.where(inputs["attention_mask"] == 1, inputs["input_ids"], 7)
    with torch.no_grad():
        expected = model(**inputs).logits.log_softmax(-1)
        columns = targets.columns[targets.places]
        expected = expected[targets.rows, columns, targets.ids]
        seen = trained_logprobs(model, inputs | {"input_ids": filled}, targets)
    assert torch.allclose(seen, expected, atol=1e-5)


def test_scores_are_made_of_no_column_that_predicts_nothing(batch: Batch) -> None:
    targets = targets_of(batch.inputs["input_ids"], batch.trained)
    assert len(targets.columns) < batch.trained.shape[1] / 2
    assert targets.count == batch.trained_tokens


def test_loss_and_gradients_are_those_of_trl(
    batch: Batch, tiny_model: Path, tmp_path: Path
) -> None:
    trl: Any = pytest.importorskip("trl")
    from datasets import Dataset

    ours, theirs = load(tiny_model), load(tiny_model)
    targets = targets_of(batch.inputs["input_ids"], batch.trained)
    loss = sum_loss(trained_logprobs(ours, batch.inputs, targets), targets.count)
    torch.autograd.backward(loss)

    settings: Any = trl.SFTConfig(
        output_dir=str(tmp_path),
        report_to=[],
        use_cpu=True,
        bf16=False,
        max_length=None,
        dataset_kwargs={"skip_prepare_dataset": True},
        remove_unused_columns=False,
    )
    processor: Any = transformers.AutoProcessor
    trainer = trl.SFTTrainer(
        model=theirs,
        args=settings,
        train_dataset=Dataset.from_dict({"unused": [1]}),
        data_collator=lambda rows: rows,
        processing_class=processor.from_pretrained(tiny_model),
    )
    labels = torch.where(batch.trained, batch.inputs["input_ids"], -100)
    expected = trainer.compute_loss(trainer.model, {**batch.inputs, "labels": labels})
    torch.autograd.backward(expected)

    assert loss.item() == pytest.approx(expected.item(), abs=1e-5)
    gradients = dict(theirs.named_parameters())
    for name, parameter in ours.named_parameters():
        assert torch.allclose(parameter.grad, gradients[name].grad, atol=1e-5), name


def test_batches_add_up_to_the_step_however_it_is_cut(batch: Batch, tiny_model: Path) -> None:
    model = load(tiny_model)
    count = batch.trained_tokens
    whole = targets_of(batch.inputs["input_ids"], batch.trained)
    loss = sum_loss(trained_logprobs(model, batch.inputs, whole), count)
    pieces = [batch_of(tiny_model, [answer]) for answer in ANSWERS]
    cut = [
        sum_loss(
            trained_logprobs(model, one.inputs, targets_of(one.inputs["input_ids"], one.trained)),
            count,
        )
        for one in pieces
    ]
    assert torch.stack(cut).sum().item() == pytest.approx(loss.item(), abs=1e-5)


def test_a_batch_with_nothing_to_learn_changes_nothing(batch: Batch, tiny_model: Path) -> None:
    model = load(tiny_model)
    nothing = targets_of(batch.inputs["input_ids"], torch.zeros_like(batch.trained))
    loss = sum_loss(trained_logprobs(model, batch.inputs, nothing), 5)
    torch.autograd.backward(loss)
    assert loss.item() == 0
    assert all(
        parameter.grad is None or not parameter.grad.any() for parameter in model.parameters()
    )
