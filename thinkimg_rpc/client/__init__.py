"""Clients of a mesh."""

from __future__ import annotations

from thinkimg_rpc.client.answers import Answer
from thinkimg_rpc.client.mesh import Mesh
from thinkimg_rpc.client.sync import SyncMesh

__all__ = ["Answer", "Mesh", "SyncMesh"]
