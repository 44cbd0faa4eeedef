"""A mesh that a program serves for itself."""

from __future__ import annotations

import pytest

from thinkimg_rpc.client import Mesh
from thinkimg_rpc.serve.config import MeshConfig, WorkerSection
from thinkimg_rpc.serve.own_mesh import own_mesh
from thinkimg_rpc.settings import CannotStart, TlsSettings

CROP = WorkerSection(name="image", tools=("thinkimg_workers.crop:Crop",))
NONE = WorkerSection(name="none", tools=("thinkimg_workers.crop:Corp",))


async def test_it_serves_all_its_tools_on_a_free_port_and_ends_with_its_block() -> None:
    config = MeshConfig(worker=(CROP,), tls=TlsSettings(ca="not-there.pem"))
    async with own_mesh(config) as address, Mesh(address) as mesh:
        assert [contract.name for contract in await mesh.contracts()] == ["Crop"]
    with pytest.raises(Exception, match="no mesh answers"):
        async with Mesh(address, connect_timeout_s=0.2):
            pass


async def test_a_worker_that_cannot_start_is_told_and_the_others_serve() -> None:
    said: list[str] = []
    async with (
        own_mesh(MeshConfig(worker=(CROP, NONE)), say=said.append) as address,
        Mesh(address) as mesh,
    ):
        assert [contract.name for contract in await mesh.contracts()] == ["Crop"]
    assert len(said) == 1
    assert "Corp" in said[0]


async def test_a_mesh_without_a_worker_that_can_start_is_refused() -> None:
    with pytest.raises(CannotStart, match="Corp"):
        async with own_mesh(MeshConfig(worker=(NONE,)), say=lambda words: None):
            pass
