"""How much memory this process takes, here and on accelerators."""

from __future__ import annotations

import os
import resource
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

from thinkimg_rpc.v1 import DeviceMemory

_STATM = Path("/proc/self/statm")


def resident_bytes() -> int:
    """Bytes of this process in memory now; where that is unknown, its peak."""
    if _STATM.exists():
        return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def device_memory() -> list[DeviceMemory]:
    """What PyTorch holds for this process on CUDA devices; nothing where it is not in use.

    PyTorch is not imported for this, nor CUDA initialised, which would take memory.
    """
    cuda = getattr(sys.modules.get("torch"), "cuda", None)
    if cuda is None or not cuda.is_initialized():
        return []
    held = [(index, cuda.memory_reserved(index)) for index in range(cuda.device_count())]
    return [
        DeviceMemory(
            device=f"cuda:{index}",
            name=_device_name(cuda, index),
            reserved_bytes=reserved,
            used_bytes=cuda.memory_allocated(index),
        )
        for index, reserved in held
        if reserved
    ]


@lru_cache(maxsize=64)
def _device_name(cuda: Any, index: int) -> str:
    return str(cuda.get_device_name(index))
