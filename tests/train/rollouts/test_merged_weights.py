"""Weights as they are handed over: whole, under a checkpoint's names, adapters merged in."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file

from thinkimg_train.config import LoraSection, ModelSection
from thinkimg_train.loading import load_model, load_processor, save_merged, save_model
from thinkimg_train.rollouts import weights_folder
from thinkimg_train.rollouts.merged_weights import merged_weights
from thinkimg_train.rollouts.weights_folder import choose_folder, write_weights

from ..test_distribution import free_port


def written(model: Any, folder: Path) -> dict[str, torch.Tensor]:
    write_weights(folder, merged_weights(model), model)
    files = sorted(folder.glob("*.safetensors"))
    return {name: one for file in files for name, one in load_file(file).items()}


def test_they_are_those_of_the_checkpoint_that_was_loaded(tiny_model: Path, tmp_path: Path) -> None:
    model = load_model(ModelSection(path=str(tiny_model)), LoraSection())
    handed = written(model, tmp_path)
    saved = load_file(tiny_model / "model.safetensors")
    assert handed.keys() == saved.keys()
    assert all(torch.equal(handed[name], saved[name]) for name in saved)


def test_large_models_go_in_several_files(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights_folder, "_BYTES_PER_FILE", 1 << 16)
    model = load_model(ModelSection(path=str(tiny_model)), LoraSection())
    handed = written(model, tmp_path)
    assert len(list(tmp_path.iterdir())) > 2
    assert handed.keys() == load_file(tiny_model / "model.safetensors").keys()


def test_tied_weights_are_handed_over_once(tiny_model: Path, tmp_path: Path) -> None:
    loader: Any = transformers.AutoModelForImageTextToText
    model = loader.from_pretrained(tiny_model)
    model.lm_head.weight = model.get_input_embeddings().weight
    handed = written(model, tmp_path)
    shape = model.lm_head.weight.shape
    assert sum(one.shape == shape for one in handed.values()) == 1


def test_an_adapter_is_merged_in_and_stays_beside_the_model(
    tiny_model: Path, tmp_path: Path
) -> None:
    section = ModelSection(path=str(tiny_model))
    adapted = load_model(section, LoraSection(rank=4))
    torch.manual_seed(0)
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if "lora_B" in name:
                parameter.normal_()
    before = {name: one.clone() for name, one in adapted.named_parameters()}
    handed = written(adapted, tmp_path / "handed")
    save_model(adapted, load_processor(tiny_model), tmp_path / "adapter")
    save_merged(section, tmp_path / "adapter", tmp_path / "merged")
    merged = load_file(tmp_path / "merged" / "model.safetensors")
    base = load_file(tiny_model / "model.safetensors")
    assert handed.keys() == merged.keys()
    for name, one in handed.items():
        assert torch.allclose(one, merged[name], atol=1e-6), name
    assert sum(not torch.equal(handed[name], base[name]) for name in base) > 10
    assert all(torch.equal(one, before[name]) for name, one in adapted.named_parameters())


def test_room_is_taken_in_memory_only_where_there_is_enough() -> None:
    for nbytes, in_memory in ((1 << 10, True), (1 << 60, False)):
        folder = choose_folder(nbytes)
        try:
            assert (folder.parent == Path("/dev/shm")) == in_memory
        finally:
            folder.rmdir()


def test_what_a_killed_process_left_in_memory_is_cleared_away() -> None:
    process = subprocess.Popen(["true"])
    process.wait()
    left = Path(f"/dev/shm/thinkimg-weights-{process.pid}-x")
    left.mkdir()
    (left / "model.safetensors").touch()
    ours = choose_folder(1)
    try:
        assert not left.exists()
        another = choose_folder(1)
        another.rmdir()
        assert ours.exists()
    finally:
        ours.rmdir()


SHARED = """
import sys
from pathlib import Path
import torch
from safetensors.torch import load_file
from thinkimg_train.config import *
from thinkimg_train.distribution import *
from thinkimg_train.loading import load_model
from thinkimg_train.rollouts.merged_weights import merged_weights
from thinkimg_train.rollouts.weights_folder import write_weights

path, out, rank = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
accelerator = open_accelerator(
    PrecisionSection(), DeepspeedSection(config="zero3"),
    max_gradient_norm=1.0, some_without_gradient=False,
)
model = load_model(ModelSection(path=path), LoraSection(rank=rank))
stepper = Stepper(
    accelerator, model, adamw(model, OptimizerSection()), autocast="no", max_gradient_norm=1.0
)
assert any(one.numel() == 0 for one in stepper.inner_model.parameters()), "nothing is shared out"
write_weights(
    out / str(accelerator.process_index), merged_weights(stepper.inner_model), stepper.inner_model
)
"""


@pytest.mark.timeout(600)  # the first time ever, deepspeed compiles what CPUs talk with
@pytest.mark.parametrize("rank", [0, 4])
def test_processes_that_share_the_weights_each_hand_over_all(
    rank: int, tiny_model: Path, tmp_path: Path
) -> None:
    script = tmp_path / "hand_over.py"
    script.write_text(SHARED)
    torchrun = ("torch.distributed.run", "--nproc_per_node", "2", "--master_port", free_port())
    finished = subprocess.run(
        [sys.executable, "-m", *torchrun, script, tiny_model, tmp_path, str(rank)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr[-3000:]
    saved = load_file(tiny_model / "model.safetensors")
    for process in ("0", "1"):
        handed = load_file(tmp_path / process / "model-00000.safetensors")
        assert handed.keys() == saved.keys()
        # A new adapter changes nothing yet.
        assert all(torch.equal(handed[name], saved[name]) for name in saved)
