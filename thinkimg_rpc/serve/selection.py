"""The parts of a mesh.toml that are served here, where others are served elsewhere."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

import msgspec

from thinkimg_rpc.serve.config import MeshConfig
from thinkimg_rpc.settings import CannotStart

HUB = "hub"
"""What the registry and front door are called; no worker can be."""


def select_parts(config: MeshConfig, names: Sequence[str]) -> MeshConfig:
    """The same mesh with only those of its workers that `names` has.

    Raises: CannotStart, when a name is neither a worker's nor "hub".
    """
    known = [HUB, *(worker.name for worker in config.worker)]
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f'did you mean "{near[0]}"?' if near else f"there are: {', '.join(known)}"
            raise CannotStart(f'--only: there is no [[worker]] "{name}"; {hint}')
    chosen = tuple(worker for worker in config.worker if worker.name in names)
    return msgspec.structs.replace(config, worker=chosen)
