"""ThinkImg RPC: vision tools behind typed gRPC contracts, for models that think with images."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from thinkimg_rpc.client import Answer, Mesh, SyncMesh
    from thinkimg_rpc.errors import CallerError, MeshFault, ThinkImgError
    from thinkimg_rpc.tool import Call, Tool

__all__ = [
    "Answer",
    "Call",
    "CallerError",
    "Mesh",
    "MeshFault",
    "SyncMesh",
    "ThinkImgError",
    "Tool",
]

_HOMES = {
    "Answer": "thinkimg_rpc.client",
    "Call": "thinkimg_rpc.tool",
    "CallerError": "thinkimg_rpc.errors",
    "Mesh": "thinkimg_rpc.client",
    "MeshFault": "thinkimg_rpc.errors",
    "SyncMesh": "thinkimg_rpc.client",
    "ThinkImgError": "thinkimg_rpc.errors",
    "Tool": "thinkimg_rpc.tool",
}


def __getattr__(name: str) -> Any:
    # Imported when asked for: the hub and the workers must stay small.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    return getattr(importlib.import_module(_HOMES[name]), name)
