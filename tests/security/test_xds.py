"""Stock gRPC clients and a mesh with certificates."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from thinkimg_rpc.settings import TlsSettings
from thinkimg_rpc.testing import Echo
from thinkimg_rpc.xds.bootstrap import bootstrap

from ..mesh_fixtures import served
from .conftest import Authority

ONE_CALL = Path(__file__).parents[1] / "thinkimg_rpc" / "xds" / "one_call.py"
WAIT_S = 100.0
pytestmark = pytest.mark.timeout(300)


async def called(xds_address: str, client: TlsSettings) -> str:
    """What became of a call with the certificates of `client`."""
    config = json.dumps(bootstrap(xds_address, client))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(ONE_CALL), "tls", "xds:///Echo"),
        env=os.environ | {"GRPC_XDS_BOOTSTRAP_CONFIG": config},
        stdout=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(WAIT_S):
        output, _ = await process.communicate()
    return output.decode().strip()


@pytest.mark.parametrize("mutual", [False, True])
async def test_a_stock_client_follows_a_mesh_with_certificates(
    authority: Authority, mutual: bool
) -> None:
    tls = authority.issue("mesh", mutual=mutual)
    client = authority.issue("client") if mutual else TlsSettings(ca=authority.path)
    async with served([Echo], xds_address="127.0.0.1:0", tls=tls) as mesh:
        assert mesh.hub.xds is not None
        assert await called(mesh.hub.xds.address, client) == "OK worker-0"
