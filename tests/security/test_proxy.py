"""A mesh is seldom on the other side of the proxy that a shell happens to name."""

from __future__ import annotations

import pytest

from thinkimg_rpc.client import Mesh
from thinkimg_rpc.errors import Unavailable
from thinkimg_rpc.testing import Echo
from thinkimg_rpc.testing.v1 import EchoRequest

from ..mesh_fixtures import error_of, served

NOBODY = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def dead_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("grpc_proxy", "https_proxy", "http_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, NOBODY)
    for name in ("no_grpc_proxy", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)


async def test_hub_workers_and_clients_pass_by_a_dead_proxy() -> None:
    async with served([Echo]) as mesh, Mesh(mesh.address) as client:
        assert (await client.send(EchoRequest(text="direct"))).text == "direct"
        assert (await client.contract("Echo")).name == "Echo"


async def test_a_client_obeys_it_when_told_to() -> None:
    async with served([Echo]) as mesh:
        through = Mesh(mesh.address, use_http_proxy=True, connect_timeout_s=0.5)
        assert isinstance(await error_of(through.__aenter__()), Unavailable)
