"""Where models compute and in what, and what is said of a folder that is wrong."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from thinkimg_rpc.settings import CannotStart, ModelSettings
from thinkimg_workers.torch_models import (
    Placement,
    backend_title,
    check_weight_files,
    choose_device,
    load_model,
    load_processor,
    memory_in_use,
    place_model,
    read_config,
    title_of,
)

from .tiny_checkpoints import save_qwen_vl

QWEN: Any = transformers.Qwen2VLForConditionalGeneration
CPU = place_model(ModelSettings(device="cpu"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_qwen_vl(tmp_path_factory.mktemp("weights") / "tiny-qwen")


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return shutil.copytree(whole, tmp_path / "tiny-qwen")


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: True)


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)


def test_a_whole_folder_is_loaded_for_inference(whole: Path) -> None:
    model = load_model(QWEN, whole, CPU)
    assert not model.training
    assert model.dtype == torch.float32
    assert read_config(whole, ["qwen2_vl"]).model_type == "qwen2_vl"
    assert load_processor(transformers.AutoProcessor, whole).tokenizer("bar").input_ids


def test_the_settings_precision_is_the_models(whole: Path) -> None:
    placement = place_model(ModelSettings(device="cpu", precision="bfloat16"))
    assert load_model(QWEN, whole, placement).dtype == torch.bfloat16
    assert backend_title(whole, placement).endswith(f"{title_of(whole)}, cpu bfloat16")


@pytest.mark.usefixtures("two_gpus")
def test_auto_takes_a_gpu_and_its_half_precision() -> None:
    placement = place_model(ModelSettings())
    assert placement.device == torch.device("cuda")
    assert placement.precision == torch.bfloat16
    assert place_model(ModelSettings(), half=torch.float16).precision == torch.float16
    assert place_model(ModelSettings(), half=False).precision == torch.float32
    assert place_model(ModelSettings(precision="float32")).precision == torch.float32
    assert choose_device("cuda:1") == torch.device("cuda:1")
    assert str(placement) == "cuda bfloat16"


@pytest.mark.usefixtures("two_gpus")
def test_an_old_gpu_computes_in_float16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: False)
    assert place_model(ModelSettings()).precision == torch.float16


@pytest.mark.usefixtures("no_gpu")
def test_auto_takes_the_cpu_and_whole_precision_where_there_is_no_gpu() -> None:
    placement = place_model(ModelSettings())
    assert placement.device == torch.device("cpu")
    assert placement.precision == torch.float32
    assert memory_in_use(placement.device) == 0


@pytest.mark.usefixtures("two_gpus")
def test_a_gpu_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(CannotStart, match=r'"cuda:2" is not there; .* has cpu, cuda:0, cuda:1$'):
        choose_device("cuda:2")


@pytest.mark.usefixtures("no_gpu")
@pytest.mark.parametrize("name", ["cuda", "cuda:0"])
def test_a_machine_without_gpu_says_so(name: str) -> None:
    with pytest.raises(CannotStart, match=f'"{name}" is not there; this machine has cpu only'):
        choose_device(name)


@pytest.mark.parametrize("name", ["gpu", "cuda:one", "", "meta", "cuda:-1"])
def test_what_is_no_device_is_refused_with_an_example(name: str) -> None:
    with pytest.raises(CannotStart, match='write "auto", "cpu", "cuda" or "cuda:0"'):
        choose_device(name)


@pytest.mark.usefixtures("no_gpu")
@pytest.mark.parametrize("bits", ["8bit", "4bit"])
def test_quantization_without_gpu_cannot_start(bits: Any) -> None:
    with pytest.raises(CannotStart, match=f'"{bits}" cannot be had: it needs a GPU, .* is cpu'):
        place_model(ModelSettings(quantization=bits), quantizable=True)


@pytest.mark.usefixtures("two_gpus")
def test_quantization_without_its_package_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("thinkimg_workers.torch_models.find_spec", lambda name: None)
    with pytest.raises(CannotStart, match="pip install bitsandbytes"):
        place_model(ModelSettings(quantization="4bit"), quantizable=True)


@pytest.mark.usefixtures("two_gpus")
def test_quantization_keeps_weights_in_few_bits_and_computes_in_half() -> None:
    four = place_model(ModelSettings(quantization="4bit"), quantizable=True)
    assert four.quantization is not None
    assert four.quantization.load_in_4bit
    assert four.quantization.bnb_4bit_compute_dtype == torch.bfloat16
    assert str(four) == "cuda 4bit"
    assert str(place_model(ModelSettings(quantization="8bit"), quantizable=True)) == "cuda 8bit"
    with pytest.raises(CannotStart, match="no quantized form"):
        place_model(ModelSettings(quantization="4bit"))


def truncate(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-1000])


def replace_by_text(folder: Path) -> None:
    """What is left of a repository cloned without git-lfs."""
    (folder / "model.safetensors").write_text("version https://git-lfs.github.com/spec/v1\n")


def forget_weights(folder: Path) -> None:
    file = folder / "model.safetensors"
    weights = load_file(file)
    save_file(dict(list(weights.items())[5:]), file, metadata={"format": "pt"})


def reshape_weights(folder: Path) -> None:
    file = folder / "config.json"
    config = json.loads(file.read_text())
    config["text_config"]["intermediate_size"] = 64
    file.write_text(json.dumps(config))


def rename_weights(folder: Path) -> None:
    file = folder / "model.safetensors"
    weights = {f"other.{name}": weight for name, weight in load_file(file).items()}
    save_file(weights, file, metadata={"format": "pt"})


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda f: (f / "model.safetensors").unlink(), "has no model.safetensors"),
        (truncate, "model.safetensors is truncated or no safetensors file"),
        (replace_by_text, "model.safetensors is truncated or no safetensors file"),
        (forget_weights, "not those of a Qwen2VL.*5 are missing"),
        (rename_weights, "not those of a Qwen2VL.* are missing"),
        (reshape_weights, "tiny-qwen"),
    ],
)
def test_weights_that_are_not_whole_are_refused_with_the_file_and_a_remedy(
    folder: Path, damage: Callable[[Path], None], words: str
) -> None:
    damage(folder)
    with pytest.raises(CannotStart, match=words) as caught:
        load_model(QWEN, folder, CPU)
    assert str(folder) in str(caught.value)
    assert "fetch the weights again" in str(caught.value)


def test_a_sharded_model_names_the_part_that_is_missing(tmp_path: Path) -> None:
    index = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    save_file({"a": torch.zeros(2)}, tmp_path / "model-1.safetensors")
    with pytest.raises(CannotStart, match=r"lacks model-2\.safetensors"):
        check_weight_files(tmp_path)
    save_file({"b": torch.zeros(2)}, tmp_path / "model-2.safetensors")
    check_weight_files(tmp_path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "has no config.json"),
        ("{", "config.json cannot be read"),
        ("[]", "config.json is no JSON object"),
        ("{}", 'family "None", and qwen2_vl is needed'),
        ('{"model_type": "bert"}', 'family "bert", and qwen2_vl is needed'),
        ('{"model_type": "qwen2_vl", "text_config": 7}', "cannot be used with transformers"),
    ],
)
def test_a_folder_that_is_no_such_model_is_refused(
    tmp_path: Path, content: str | None, words: str
) -> None:
    if content is not None:
        (tmp_path / "config.json").write_text(content)
    with pytest.raises(CannotStart, match=words):
        read_config(tmp_path, ["qwen2_vl"])


def test_a_file_where_a_folder_is_needed_says_so(whole: Path) -> None:
    with pytest.raises(CannotStart, match="is a file; give the folder"):
        read_config(whole / "model.safetensors", ["qwen2_vl"])


def test_a_folder_without_a_tokenizer_is_refused(folder: Path) -> None:
    for file in folder.glob("tokenizer*"):
        file.unlink()
    with pytest.raises(CannotStart, match=r"has no tokenizer\.json; fetch the weights again"):
        load_processor(transformers.AutoProcessor, folder)


def test_a_folder_without_an_image_processor_is_refused(folder: Path) -> None:
    for name in ("processor_config.json", "preprocessor_config.json"):
        (folder / name).unlink(missing_ok=True)
    with pytest.raises(CannotStart, match=r"tokenizer or image processor in .* cannot be loaded"):
        load_processor(transformers.AutoProcessor, folder)


def test_weights_are_called_by_the_name_people_know_and_their_revision(tmp_path: Path) -> None:
    snapshot = tmp_path / "models--Qwen--Qwen3-VL-4B-Instruct" / "snapshots" / "0a1b2c3d4e5f"
    snapshot.mkdir(parents=True)
    assert title_of(snapshot) == "Qwen/Qwen3-VL-4B-Instruct@0a1b2c3"


def test_a_folder_has_another_title_once_its_weights_were_trained_on(folder: Path) -> None:
    before = title_of(folder)
    assert before == title_of(folder)
    assert before.startswith("tiny-qwen@")
    forget_weights(folder)
    assert title_of(folder) != before
    assert title_of(folder / "model.safetensors").startswith("model.safetensors@")


def wide(hidden: int) -> dict[str, int]:
    """A language model whose weights are mostly those that are quantized."""
    heads = hidden // 16
    return {
        "hidden_size": hidden,
        "intermediate_size": 4 * hidden,
        "num_attention_heads": heads,
        "num_key_value_heads": heads,
    }


@pytest.mark.parametrize(("bits", "share", "likeness"), [("8bit", 0.7, 0.95), ("4bit", 0.5, 0.7)])
def test_a_quantized_model_is_smaller_and_says_nearly_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bits: Any, share: float, likeness: float
) -> None:
    """On the CPU, where bitsandbytes computes too, if slowly."""
    folder = save_qwen_vl(tmp_path / "wide-qwen", text=wide(256))
    settings = ModelSettings(quantization=bits, device="cuda", precision="bfloat16")
    with monkeypatch.context() as machine:
        machine.setattr(torch.cuda, "device_count", lambda: 1)
        chosen = place_model(settings, quantizable=True).quantization
    placements = [Placement(torch.device("cpu"), torch.bfloat16, how) for how in (None, chosen)]
    whole_model, quantized = (load_model(QWEN, folder, placement) for placement in placements)
    assert quantized.get_memory_footprint() < share * whole_model.get_memory_footprint()
    tokens = torch.arange(20)[None]
    with torch.inference_mode():
        expected, logits = (m(tokens).logits.float().flatten() for m in (whole_model, quantized))
    assert torch.corrcoef(torch.stack([expected, logits]))[0, 1] > likeness


@pytest.mark.gpu
@pytest.mark.parametrize("bits", ["8bit", "4bit"])
def test_quantized_weights_take_less_memory(
    tmp_path: Path, bits: Any, record_property: Callable[[str, object], None]
) -> None:
    folder = save_qwen_vl(tmp_path / "wide-qwen", text=wide(1024))
    taken = {}
    for quantization in ("none", bits):
        settings = ModelSettings(device="cuda:0", quantization=quantization)
        placement = place_model(settings, quantizable=True)
        before = memory_in_use(placement.device)
        model = load_model(QWEN, folder, placement)
        taken[quantization] = memory_in_use(placement.device) - before
        del model
        torch.cuda.empty_cache()
    record_property("bytes", taken)
    print(f"{taken['none'] / 1e6:.0f} MB, as {bits} {taken[bits] / 1e6:.0f} MB")
    assert taken[bits] < taken["none"] * (0.7 if bits == "8bit" else 0.5)
