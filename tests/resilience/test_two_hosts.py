"""One mesh.toml on two machines that know each other by certificates, and on one alone."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from thinkimg_rpc.cli import main
from thinkimg_rpc.client import Mesh
from thinkimg_rpc.settings import tls_in
from thinkimg_rpc.testing.v1 import EchoRequest, EchoResponse
from thinkimg_rpc.v1 import Worker

from .figures import Figures
from .load import run_calls
from .namespaces import Hosts, hosts, inside, why_not
from .served_mesh import CONSOLE_SCRIPT

CALLS = 1000
IN_FLIGHT = 16
WAIT_S = 60.0
HUB = "10.231.79.1:50051"
MESH = f"""
[mesh]
address = "{HUB}"
log_dir = "logs"
token_file = "mesh.token"

[tls]
folder = "certs"
mutual = true

[[worker]]
name = "echo"
tools = ["thinkimg_rpc.testing.echo:Echo"]
concurrency = 8

[[worker]]
name = "image"
tools = ["thinkimg_workers.crop:Crop"]
"""
TOKEN = "a token of two machines"

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def machines() -> Iterator[Hosts]:
    if reason := why_not():
        pytest.skip(reason)
    with hosts(2) as made:
        yield made


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    """What each machine has: the same mesh.toml and token, and certificates of its own."""
    names = [f"host{n}=10.231.79.{n + 1},localhost,127.0.0.1" for n in (0, 1)]
    assert main(["certs", str(tmp_path / "secure"), *names, "client"]) == 0
    made = []
    for number in (0, 1):
        folder = tmp_path / f"host{number}"
        folder.mkdir()
        (folder / "mesh.toml").write_text(MESH)
        (folder / "mesh.token").write_text(TOKEN)
        (folder / "certs").symlink_to(tmp_path / "secure" / f"host{number}")
        made.append(folder)
    return made


@asynccontextmanager
async def serving(folder: Path, *arguments: str, namespace: str = "") -> AsyncIterator[str]:
    """`thinkimg serve` with the folder's mesh.toml; the address, once it is served or joined.

    It must end in order, with nothing left behind.
    """
    command = [str(CONSOLE_SCRIPT), "serve", *arguments]
    output = folder / "serve.txt"
    with output.open("w") as file:
        process = await asyncio.create_subprocess_exec(
            *(inside(namespace, *command) if namespace else command),
            stdout=file,
            stderr=file,
            cwd=folder,
        )
    try:
        yield await _address(process, output)
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(WAIT_S):
            assert await process.wait() == 0, output.read_text()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _address(process: asyncio.subprocess.Process, output: Path) -> str:
    async with asyncio.timeout(WAIT_S):
        while not (address := _announced(output)):
            assert process.returncode is None, "thinkimg serve ended before it served"
            await asyncio.sleep(0.05)
    return address


def _announced(output: Path) -> str:
    found = re.search(r"(?:serving at|joined the mesh at) ([^\s,]+)", output.read_text())
    return found[1] if found else ""


async def tools_shown(address: str, folder: Path) -> list[str]:
    """The names that `thinkimg tools` lists, for who has a certificate and the token."""
    process = await asyncio.create_subprocess_exec(
        *(str(CONSOLE_SCRIPT), "tools", "--address", address),
        *("--tls-ca", str(folder.parent / "secure" / "client")),
        env={**os.environ, "THINKIMG_TOKEN_FILE": str(folder / "mesh.token")},
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    return [line.split()[0] for line in output.decode().splitlines()[1:]]


def connected(folder: Path, address: str) -> Mesh:
    tls = tls_in(str(folder.parent / "secure" / "client"))
    return Mesh(address, token=TOKEN, tls=tls, connect_timeout_s=WAIT_S)


async def test_two_machines_show_the_tools_that_one_shows(
    machines: Hosts, folders: list[Path]
) -> None:
    async with serving(folders[0], "--address", "127.0.0.1:0") as address:
        alone = await tools_shown(address, folders[0])
    near, far = machines.names
    async with (
        serving(folders[0], "--only", "hub", "--only", "echo", namespace=near) as address,
        serving(folders[1], "--only", "image", namespace=far),
    ):
        together = await tools_shown(address, folders[0])
        async with connected(folders[0], HUB) as mesh:
            hosts_of = {w.tools[0].name: w.address.partition(":")[0] for w in mesh.workers()}
    assert alone == together == ["Crop", "Echo"]
    assert hosts_of == {"Echo": machines.address(0), "Crop": machines.address(1)}


@pytest.mark.parametrize("blow", ["a worker there is killed", "its cable is pulled"])
async def test_no_call_is_lost_with_what_is_on_another_machine(
    machines: Hosts, folders: list[Path], figures: Figures, blow: str
) -> None:
    near, far = machines.names
    async with (
        serving(folders[0], "--only", "hub", "--only", "echo", namespace=near),
        serving(folders[1], "--only", "echo", "--only", "image", namespace=far),
        connected(folders[0], HUB) as mesh,
    ):
        victim = await echo_at(mesh, machines.address(1))

        def strike() -> None:
            if blow == "its cable is pulled":
                machines.cut(1)
            else:
                os.kill(victim.pid, signal.SIGKILL)

        async def send(number: int) -> EchoResponse:
            request = EchoRequest(text=str(number), delay_s=0.005)
            response: EchoResponse = await mesh.send(request, timeout_s=WAIT_S)
            return response

        outcome = await run_calls(send, CALLS, IN_FLIGHT, strike)
        scenario = f"two machines with certificates, {blow}, {CALLS} calls, {IN_FLIGHT} in flight"
        figures.count(scenario, "failed calls", len(outcome.failures), 0)
        assert outcome.mixed_up == 0
        assert outcome.by_worker.keys() == {"echo-0", victim.id}
        if blow == "a worker there is killed":
            back = await echo_at(mesh, machines.address(1), but=victim.pid)
            assert back.id == victim.id


async def echo_at(mesh: Mesh, host: str, but: int = 0) -> Worker:
    """The worker of Echo on one machine, waited for; not the process `but`."""
    async with asyncio.timeout(WAIT_S):
        while True:
            for worker in mesh.workers():
                serves_echo = worker.tools[0].name == "Echo"
                if serves_echo and worker.address.startswith(f"{host}:") and worker.pid != but:
                    return worker
            await asyncio.sleep(0.05)
