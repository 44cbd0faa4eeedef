"""A mesh in the caller's process says why its registry will not have a tool."""

from __future__ import annotations

import pytest

from thinkimg_rpc import Mesh
from thinkimg_rpc.errors import TooLarge
from thinkimg_rpc.settings import LimitSettings
from thinkimg_rpc.testing import Echo


async def test_a_worker_that_is_refused_fails_the_mesh_at_once_with_the_reason() -> None:
    smaller_than_the_offer = LimitSettings(max_message_bytes=1000)
    with pytest.raises(TooLarge, match="takes 1000"):
        async with Mesh.local([Echo], limits=smaller_than_the_offer):
            pass
