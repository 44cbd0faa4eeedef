"""Models on PyTorch: where they compute, in what precision, and loading them from a folder.

Everything that can be wrong with a folder of weights is found at start-up, in words
that name the file and the remedy, and nothing is ever fetched over the network.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors import SafetensorError, safe_open

from thinkimg_rpc.settings import CannotStart, ModelSettings

# A worker's log is no place for bars that redraw themselves.
transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]

_PRECISIONS = {
    "float32": torch.float32,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
}
_WORDS = ("tokenizer.json", "vocab.json", "vocab.txt", "tokenizer.model", "spiece.model")
_STATE_DIGITS = 7
_FETCH_AGAIN = "fetch the weights again, or give the path of a whole copy"


@dataclass(frozen=True)
class Placement:
    """Where a model computes, and in what."""

    device: torch.device
    precision: torch.dtype
    quantization: transformers.BitsAndBytesConfig | None = None

    def __str__(self) -> str:
        if self.quantization is None:
            return f"{self.device} {str(self.precision).removeprefix('torch.')}"
        return f"{self.device} {'4bit' if self.quantization.load_in_4bit else '8bit'}"


def place_model(
    settings: ModelSettings, *, half: torch.dtype | bool = True, quantizable: bool = False
) -> Placement:
    """Where and in what the settings want a model.

    Args:
        half: what "auto" takes on a GPU: the half precision that the model computes well
            enough in, True for the GPU's best, False for none.
        quantizable: whether its weights may be kept in 8 or 4 bits.

    Raises: CannotStart, saying what this machine has.
    """
    device = choose_device(settings.device)
    precision = _choose_precision(settings.precision, device, half=half)
    return Placement(device, precision, _quantization(settings, device, precision, quantizable))


def choose_device(name: str) -> torch.device:
    """The device that `device = "..."` names; "auto": a GPU if there is one.

    Raises: CannotStart, naming those there are.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in ("cpu", "cuda"):
        raise CannotStart(f'device = "{name}" is none; write "auto", "cpu", "cuda" or "cuda:0"')
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise CannotStart(f'device = "{name}" is not there; this machine has {_devices_here()}')
    return device


def read_config(place: Path, families: Collection[str]) -> transformers.PretrainedConfig:
    """The `config.json` of a model that must be of one of these families ("grounding-dino").

    Raises: CannotStart, when there is none, or of another family.
    """
    file = place / "config.json"
    family = _read_json(file).get("model_type")
    if family not in families:
        raise CannotStart(
            f'{file} is of a model of the family "{family}", and {" or ".join(families)} is '
            "needed; give other weights, or choose another backend"
        )
    try:
        config: transformers.PretrainedConfig = transformers.AutoConfig.from_pretrained(
            str(place), local_files_only=True
        )
        return config
    except Exception as error:  # whatever a foreign file provokes is that file's fault
        raise CannotStart(
            f"{file} cannot be used with transformers {transformers.__version__}: "
            f"{_first_line(error)}"
        ) from error


def load_model(kind: type[Any], place: Path, placement: Placement) -> Any:
    """Load a model for inference, with every one of its weights from the folder.

    Raises: CannotStart, naming the file and the remedy.
    """
    check_weight_files(place)
    options: dict[str, Any] = {"dtype": placement.precision}
    if placement.quantization is not None:
        options["quantization_config"] = placement.quantization
    if placement.device.type != "cpu":  # straight there: a whole model may not fit in memory
        options["device_map"] = {"": placement.device}
    try:
        model, told = kind.from_pretrained(
            str(place), local_files_only=True, output_loading_info=True, **options
        )
    except torch.OutOfMemoryError as error:
        raise CannotStart(
            f"{title_of(place)} does not fit on {placement.device}: {_first_line(error)}; choose "
            'another device, or quantization = "4bit" where the model has it'
        ) from error
    except Exception as error:  # whatever a foreign file provokes is that file's fault
        raise CannotStart(
            f"the weights in {place} cannot be loaded as {kind.__name__}: "
            f"{_first_line(error)}; {_FETCH_AGAIN}"
        ) from error
    _refuse_random_weights(place, kind, told)
    return model.eval()


def load_processor(kind: type[Any], place: Path, **options: Any) -> Any:
    """Load what prepares a model's input: tokenizer, image processor or both.

    Raises: CannotStart, naming the folder and the remedy.
    """
    try:
        processor = kind.from_pretrained(str(place), local_files_only=True, **options)
    except Exception as error:  # whatever a foreign file provokes is that file's fault
        raise CannotStart(
            f"the tokenizer or image processor in {place} cannot be loaded as {kind.__name__}: "
            f"{_first_line(error)}; {_FETCH_AGAIN}"
        ) from error
    # Without these, transformers makes a tokenizer that knows no words, and says nothing.
    if hasattr(processor, "tokenizer") and not any((place / file).is_file() for file in _WORDS):
        raise CannotStart(f"{place} has no {_WORDS[0]}; {_FETCH_AGAIN}")
    return processor


def check_weight_files(place: Path) -> None:
    """See that all weight files of a folder are there and whole, without reading them through.

    Raises: CannotStart, naming the file.
    """
    index = place / "model.safetensors.index.json"
    if index.is_file():
        names = sorted(set(_read_json(index).get("weight_map", {}).values()))
        if missing := [name for name in names if not (place / name).is_file()]:
            raise CannotStart(f"{place} lacks {', '.join(missing)}; {_FETCH_AGAIN}")
        files = [place / name for name in names]
    else:
        files = sorted(place.glob("*.safetensors"))
    if not files and not (place / "pytorch_model.bin").is_file():
        raise CannotStart(f"{place} has no model.safetensors; {_FETCH_AGAIN}")
    for file in files:
        try:
            with safe_open(str(file), framework="pt"):
                pass
        except (SafetensorError, OSError) as error:
            raise CannotStart(
                f"{file} is truncated or no safetensors file ({_first_line(error)}); {_FETCH_AGAIN}"
            ) from error


def memory_in_use(device: torch.device) -> int:
    """Bytes that this process's tensors take on a GPU; 0 on the CPU, where they are in its RSS."""
    return torch.cuda.memory_allocated(device) if device.type == "cuda" else 0


def title_of(place: Path) -> str:
    """The name people know weights by, and which state of them it is.

    "IDEA-Research/grounding-dino-tiny@a2bb814" by its revision, of the Hugging Face
    cache; "my-dino@3f09c1d", another one whenever a file in the folder changes.
    Answers are kept by the backend's name, and other weights answer otherwise.
    """
    place = place.resolve()
    repository = place.parent.parent.name
    if place.parent.name == "snapshots" and repository.startswith("models--"):
        name = repository.removeprefix("models--").replace("--", "/")
        return f"{name}@{place.name[:_STATE_DIGITS]}"
    state = hashlib.sha256()
    for file in [place] if place.is_file() else sorted(filter(Path.is_file, place.iterdir())):
        state.update(f"{file.name} {file.stat().st_size} {file.stat().st_mtime_ns}\n".encode())
    return f"{place.name}@{state.hexdigest()[:_STATE_DIGITS]}"


def backend_title(place: Path, placement: Placement) -> str:
    """What `Tool.backend` says: "transformers 5.2.0 my-dino@3f09c1d, cpu float32"."""
    return f"transformers {transformers.__version__} {title_of(place)}, {placement}"


def _choose_precision(name: str, device: torch.device, *, half: torch.dtype | bool) -> torch.dtype:
    if name != "auto":
        return _PRECISIONS[name]
    if device.type == "cpu" or half is False:
        return torch.float32
    if isinstance(half, torch.dtype):
        return half
    return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16


def _quantization(
    settings: ModelSettings, device: torch.device, precision: torch.dtype, quantizable: bool
) -> transformers.BitsAndBytesConfig | None:
    """Raises: CannotStart, saying why it cannot be had."""
    if settings.quantization == "none":
        return None
    cannot = f'quantization = "{settings.quantization}" cannot be had: '
    if not quantizable:
        raise CannotStart(f'{cannot}this model has no quantized form; write "none"')
    if device.type != "cuda":
        raise CannotStart(f'{cannot}it needs a GPU, and the device is {device}; write "none"')
    if find_spec("bitsandbytes") is None:
        raise CannotStart(f"{cannot}bitsandbytes is not installed; `pip install bitsandbytes`")
    options: dict[str, Any] = {"load_in_8bit": True}
    if settings.quantization == "4bit":
        options = {
            "load_in_4bit": True,
            "bnb_4bit_quant_type": "nf4",
            "bnb_4bit_compute_dtype": precision,
        }
    return transformers.BitsAndBytesConfig(**options)  # type: ignore[no-untyped-call]


def _refuse_random_weights(place: Path, kind: type[Any], told: dict[str, Any]) -> None:
    """transformers fills what it does not find with random numbers, and only warns."""
    missing = sorted(told["missing_keys"])
    wrong = sorted(str(entry[0]) for entry in told["mismatched_keys"])
    if not (missing or wrong):
        return
    raise CannotStart(
        f"the weights in {place} are not those of a {kind.__name__} of its config.json: "
        f"{len(missing)} are missing and {len(wrong)} have another shape "
        f"({', '.join([*missing, *wrong][:3])}, ...); {_FETCH_AGAIN}"
    )


def _read_json(file: Path) -> dict[str, Any]:
    """Raises: CannotStart."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CannotStart(f"{file.parent} has no {file.name}; {_FETCH_AGAIN}") from error
    except NotADirectoryError as error:
        raise CannotStart(
            f"{file.parent} is a file; give the folder that has {file.name} and model.safetensors"
        ) from error
    except (OSError, ValueError) as error:
        raise CannotStart(f"{file} cannot be read: {error}; {_FETCH_AGAIN}") from error
    if not isinstance(content, dict):
        raise CannotStart(f"{file} is no JSON object; {_FETCH_AGAIN}")
    return content


def _devices_here() -> str:
    count = torch.cuda.device_count()
    return ", ".join(["cpu", *(f"cuda:{index}" for index in range(count))]) + (
        "" if count else " only"
    )


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
