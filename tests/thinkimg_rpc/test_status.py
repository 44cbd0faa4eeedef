"""What a client makes of a status that gRPC itself gave."""

from __future__ import annotations

import pytest

from thinkimg_rpc import Mesh
from thinkimg_rpc.errors import TooLarge
from thinkimg_rpc.settings import LimitSettings
from thinkimg_rpc.testing import Echo
from thinkimg_rpc.testing.v1 import EchoRequest

TOO_MUCH = EchoRequest(payload=bytes(200_000))


async def test_a_request_over_the_meshs_limit_is_told_its_size_and_the_remedy() -> None:
    limits = LimitSettings(max_message_bytes=100_000)
    async with Mesh.local([Echo], limits=limits) as mesh:
        with pytest.raises(TooLarge, match=r"has 200\d{3} bytes, and the mesh takes 100000; .*\[l"):
            await mesh.send(TOO_MUCH)
        assert (await mesh.send(EchoRequest(text="next"))).text == "next"


async def test_a_response_over_the_clients_limit_names_the_clients_setting() -> None:
    async with (
        Mesh.local([Echo]) as served,
        Mesh(served.address, max_message_bytes=100_000) as mesh,
    ):
        with pytest.raises(TooLarge, match=r"has 200\d{3} bytes, and this client takes 100000; "):
            await mesh.send(TOO_MUCH)
        assert (await mesh.send(EchoRequest(text="next"))).text == "next"
