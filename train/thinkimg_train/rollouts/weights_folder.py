"""Weights on their way from a trainer to vLLM: files in memory, or where both can see them."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from transformers.core_model_loading import revert_weight_conversion

_IN_MEMORY = Path("/dev/shm")
_PREFIX = "thinkimg-weights-"
_BYTES_PER_FILE = 1 << 30
"""What is held at a time beside the model itself."""


def choose_folder(weights_bytes: int) -> Path:
    """A new folder for so many bytes: in memory if there is room for them twice."""
    in_memory = _IN_MEMORY.is_dir()
    if in_memory:
        _clear_leftovers()
    if in_memory and shutil.disk_usage(_IN_MEMORY).free > 2 * weights_bytes:
        return Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=_IN_MEMORY))
    return Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))


def _clear_leftovers() -> None:
    """A process that was killed has left its weights in memory, where nobody looks."""
    for folder in _IN_MEMORY.glob(f"{_PREFIX}*"):
        pid = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if not Path("/proc", pid).exists():
            shutil.rmtree(folder, ignore_errors=True)


def write_weights(
    folder: Path, weights: Iterable[tuple[str, torch.Tensor]], module: Any
) -> list[str]:
    """Write them as a checkpoint's; the names of what was written.

    Args:
        weights: with the names they have in the model.
        module: the model, which knows what its checkpoints call them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written: list[str] = []
    held: dict[str, torch.Tensor] = {}
    held_bytes = files = 0

    def write() -> None:
        save_file(held, folder / f"model-{files:05d}.safetensors", {"format": "pt"})

    for name, tensor in weights:
        for saved_name, saved in revert_weight_conversion(module, {name: tensor}).items():
            # A copy: the tensor may be the model's own, or gone with the next one.
            held[saved_name] = saved.detach().to("cpu", copy=True).contiguous()
            held_bytes += saved.nbytes
            written.append(saved_name)
        if held_bytes >= _BYTES_PER_FILE:
            write()
            held, held_bytes, files = {}, 0, files + 1
    if held:
        write()
    return written
