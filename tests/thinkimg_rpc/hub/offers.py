"""What workers offer a registry."""

from __future__ import annotations

from typing import Any

from thinkimg_rpc.contract import file_descriptor_set
from thinkimg_rpc.testing import Echo
from thinkimg_rpc.v1 import HostedTool, WorkerOffer

ECHO = Echo.contract()
ECHO_FILES = file_descriptor_set([ECHO]).SerializeToString()


def offer(worker_id: str = "echo-0", **changes: Any) -> WorkerOffer:
    """A worker that hosts Echo."""
    tool = HostedTool(
        name="Echo", aliases=["say"], method=ECHO.method, stream_method=ECHO.stream_method or ""
    )
    fields = {"address": "127.0.0.1:9", "tools": [tool], "descriptors": ECHO_FILES, "pid": 7}
    return WorkerOffer(id=worker_id, **{**fields, **changes})
