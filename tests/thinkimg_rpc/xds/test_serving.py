"""`thinkimg serve --xds-port` as a user runs it, with a stock client beside it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from thinkimg_rpc.hub.hub import Hub
from thinkimg_rpc.settings import CannotStart, HubSettings
from thinkimg_rpc.xds.bootstrap import bootstrap

from ...mesh_fixtures import until
from ..running_mesh import RunningServe
from .caller import calling

HERE = Path(__file__).parent
STARTUP_S = 100.0
WAIT_S = 100.0
CALLS = 200
MORE = 20
"""Calls: more than were in flight to the process before."""
MESH_TOML = """
[mesh]
address = "127.0.0.1:0"
xds_port = {port}
log_dir = "logs"

[[worker]]
name = "echo"
tools = ["thinkimg_rpc.testing.echo:Echo"]
replicas = 2
"""

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def port() -> int:
    """One that is free just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def serving(tmp_path: Path, port: int) -> Iterator[RunningServe]:
    (tmp_path / "mesh.toml").write_text(MESH_TOML.format(port=port))
    with RunningServe([], tmp_path) as running:
        running.wait_served(STARTUP_S)
        yield running


async def test_calls_go_on_while_the_hub_is_killed_and_comes_back(
    serving: RunningServe, port: int
) -> None:
    assert f"xds at 127.0.0.1:{port}" in serving.output
    config = json.dumps(bootstrap(f"127.0.0.1:{port}", None))
    command = [sys.executable, str(HERE / "calls.py"), str(CALLS), "4"]
    async with calling(command, GRPC_XDS_BOOTSTRAP_CONFIG=config) as caller:
        await caller.until_answered_by("echo-0")
        await caller.until_answered_by("echo-1")
        hub = _process(serving, "thinkimg_rpc.hub")
        hub.kill()
        hub.wait(WAIT_S)
        await until(lambda: _processes(serving, "thinkimg_rpc.hub"), WAIT_S)
        # Where it is afterwards is known only to the new hub.
        _processes(serving, "thinkimg_rpc.server")[0].kill()
        await caller.until_answered_by("echo-0", MORE)
        await caller.until_answered_by("echo-1", MORE)
        await caller.end()
    assert caller.failures == []


async def test_an_unknown_name_fails_with_the_names_that_there_are(
    serving: RunningServe, port: int
) -> None:
    config = json.dumps(bootstrap(f"127.0.0.1:{port}", None))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(HERE / "one_call.py"), "plain", "xds:///Ekko", "xds:///Echo"),
        env=os.environ | {"GRPC_XDS_BOOTSTRAP_CONFIG": config},
        stdout=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(WAIT_S):
        output, _ = await process.communicate()
    unknown, known = output.decode().splitlines()
    assert unknown.startswith("UNIMPLEMENTED xds:///NAME must name a tool of this mesh")
    assert unknown.endswith("it has: Echo")
    assert known.startswith("OK echo-")


def test_a_missing_package_is_named_with_the_extra_that_has_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in [name for name in sys.modules if name.startswith(("thinkimg_rpc.xds", "envoy."))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "envoy", None)
    settings = HubSettings(address="127.0.0.1:0", xds_address="127.0.0.1:0")
    with pytest.raises(CannotStart, match=r"xds-protos .* pip install 'thinkimg-rpc\[xds\]'"):
        Hub(settings)


def _process(serving: RunningServe, module: str) -> psutil.Process:
    (found,) = _processes(serving, module)
    return found


def _processes(serving: RunningServe, module: str) -> list[psutil.Process]:
    found = []
    for process in serving.children():
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.is_running() and module in process.cmdline():
                found.append(process)
    return found
