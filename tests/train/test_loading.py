"""What is trained of a model, and how it is saved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from thinkimg_rpc.errors import InvalidRequest
from thinkimg_train.batches import Batch
from thinkimg_train.config import LoraSection, ModelSection
from thinkimg_train.loading import (
    load_model,
    load_processor,
    save_merged,
    save_model,
    vision_tower,
)
from thinkimg_train.losses.trained_tokens import sum_loss, targets_of, trained_logprobs

from .tiny_batches import batch_of, load

RANK_4 = LoraSection(rank=4)


@pytest.fixture(scope="module")
def batch(tiny_model: Path) -> Batch:
    return batch_of(tiny_model, ["yes", "no"])


def learn(model: torch.nn.Module, batch: Batch) -> float:
    """One step; the loss before it."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    loss = loss_of(model, batch)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.optim.SGD(trained, lr=0.1).step()
    return loss.item()


def loss_of(model: torch.nn.Module, batch: Batch) -> torch.Tensor:
    targets = targets_of(batch.inputs["input_ids"], batch.trained)
    return sum_loss(trained_logprobs(model, batch.inputs, targets), targets.count)


def section(folder: Path, **more: Any) -> ModelSection:
    return ModelSection(path=str(folder), **more)


def config_of(folder: Path) -> dict[str, Any]:
    told: dict[str, Any] = load(folder).config.to_dict()
    return {name: value for name, value in told.items() if name != "_name_or_path"}


def test_a_model_is_saved_under_the_names_it_had(tiny_model: Path, tmp_path: Path) -> None:
    model = load_model(section(tiny_model), LoraSection())
    save_model(model, load_processor(tiny_model), tmp_path)
    before, after = (load_file(one / "model.safetensors") for one in (tiny_model, tmp_path))
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert (tmp_path / "tokenizer.json").read_text() == (tiny_model / "tokenizer.json").read_text()
    assert config_of(tmp_path) == config_of(tiny_model)


def test_what_sees_images_stays_as_it_is_where_it_is_frozen(tiny_model: Path, batch: Batch) -> None:
    model = load_model(section(tiny_model, freeze_vision=True), LoraSection())
    learn(model, batch)
    seeing = set(vision_tower(model).parameters())
    assert seeing
    assert all(one.grad is None for one in seeing)
    assert all(one.grad is not None for one in set(model.parameters()) - seeing)


def test_lora_changes_its_adapter_alone(tiny_model: Path, batch: Batch) -> None:
    model = load_model(section(tiny_model), RANK_4)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    first = learn(model, batch)
    changed = {name for name, value in model.state_dict().items() if (value != before[name]).any()}
    assert changed
    assert all("lora_" in name for name in changed)
    assert loss_of(model, batch).item() < first


def test_gradient_checkpointing_changes_no_gradient(tiny_model: Path, batch: Batch) -> None:
    for lora in (LoraSection(), RANK_4):
        gradients = []
        for checkpointing in (False, True):
            torch.manual_seed(0)
            model = load_model(section(tiny_model, gradient_checkpointing=checkpointing), lora)
            learn(model, batch)
            gradients.append([one.grad for one in model.parameters() if one.requires_grad])
        assert all(torch.equal(one, other) for one, other in zip(*gradients, strict=True))


def test_an_adapter_merges_into_a_model_like_any_other(
    tiny_model: Path, batch: Batch, tmp_path: Path
) -> None:
    model = load_model(section(tiny_model), RANK_4)
    learn(model, batch)
    save_model(model, load_processor(tiny_model), tmp_path / "adapter")
    save_merged(section(tiny_model), tmp_path / "adapter", tmp_path / "merged")
    merged = load(tmp_path / "merged")
    assert loss_of(merged, batch).item() == pytest.approx(loss_of(model, batch).item(), abs=1e-5)
    names = load_file(tiny_model / "model.safetensors").keys()
    assert load_file(tmp_path / "merged" / "model.safetensors").keys() == names


def test_an_adapter_goes_on_from_where_it_was_saved(
    tiny_model: Path, batch: Batch, tmp_path: Path
) -> None:
    model = load_model(section(tiny_model), RANK_4)
    learn(model, batch)
    save_model(model, load_processor(tiny_model), tmp_path)
    again = load_model(section(tiny_model), RANK_4, tmp_path)
    assert loss_of(again, batch).item() == loss_of(model, batch).item()
    assert [name for name, one in again.named_parameters() if one.requires_grad] == [
        name for name, one in model.named_parameters() if one.requires_grad
    ]


def test_an_adapter_leaves_out_what_is_frozen(tiny_model: Path) -> None:
    model = load_model(section(tiny_model, freeze_vision=True), RANK_4)
    adapted = {name for name, _ in model.named_parameters() if "lora_" in name}
    assert adapted
    assert not [name for name in adapted if "visual" in name]


def test_four_bits_are_enough_to_learn_beside(tiny_model: Path, batch: Batch) -> None:
    model = load_model(section(tiny_model), LoraSection(rank=4, quantize="4bit"))
    first = learn(model, batch)
    assert loss_of(model, batch).item() < first
    assert {one.dtype for one in model.parameters() if one.requires_grad} == {torch.float32}


def test_layers_that_are_not_there_are_named(tiny_model: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"lora\.targets.*nowhere"):
        load_model(section(tiny_model), LoraSection(rank=4, targets=("nowhere",)))


def test_a_model_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"model\.path.*cannot be loaded"):
        load_model(section(tmp_path), LoraSection())
