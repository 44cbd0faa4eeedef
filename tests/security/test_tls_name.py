"""A certificate for a name, where nobody knows the addresses of workers in advance."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from thinkimg_rpc.cli.connection import tls_settings
from thinkimg_rpc.client import Mesh
from thinkimg_rpc.errors import Unavailable
from thinkimg_rpc.serve.config import parse_config
from thinkimg_rpc.settings import TlsSettings
from thinkimg_rpc.testing import Echo
from thinkimg_rpc.testing.v1 import EchoRequest

from ..mesh_fixtures import error_of, served
from .conftest import Authority


async def test_a_peer_may_be_dialled_at_any_address_if_its_certificate_has_the_name(
    authority: Authority,
) -> None:
    # Certificates of the test are for 127.0.0.1.
    tls = authority.issue("mesh", mutual=True)
    named = msgspec.structs.replace(tls, name="127.0.0.1")
    async with served([Echo], tls=named) as mesh:
        elsewhere = f"localhost:{mesh.address.rpartition(':')[2]}"
        async with Mesh(elsewhere, tls=named) as client:
            assert (await client.send(EchoRequest(text="named"))).text == "named"
        for wrong in (tls, msgspec.structs.replace(tls, name="another")):
            refused = Mesh(elsewhere, tls=wrong, connect_timeout_s=0.5)
            assert isinstance(await error_of(refused.__aenter__()), Unavailable)


def test_the_name_is_read_from_mesh_toml_and_by_commands_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = parse_config({"tls": {"folder": "tls", "name": "mesh"}})
    assert config.tls == TlsSettings(
        cert="tls/tls.crt", key="tls/tls.key", ca="tls/ca.crt", name="mesh"
    )
    monkeypatch.setenv("THINKIMG_TLS_NAME", "mesh")
    assert tls_settings(Path("ca.crt"), None, None) == TlsSettings(ca="ca.crt", name="mesh")
