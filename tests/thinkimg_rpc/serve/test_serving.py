"""`thinkimg serve` with its real processes."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from thinkimg_rpc.client import SyncMesh
from thinkimg_rpc.errors import Unavailable
from thinkimg_rpc.testing.v1 import EchoRequest, EchoResponse
from thinkimg_rpc.v1 import Worker

from ..running_mesh import RunningServe, eventually

ECHO = "thinkimg_rpc.testing.echo:Echo"
MESH = f"""
[mesh]
address = "127.0.0.1:0"
log_dir = "logs"

[[worker]]
name = "echo"
tools = ["{ECHO}"]
"""


@contextmanager
def serving(folder: Path, *arguments: str, text: str = MESH, **env: str) -> Iterator[RunningServe]:
    (folder / "mesh.toml").write_text(text)
    with RunningServe(arguments, folder, **env) as serve:
        yield serve


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[RunningServe]:
    with serving(tmp_path) as started:
        started.wait_served()
        yield started


def workers_of(mesh: SyncMesh) -> dict[str, Worker]:
    return {worker.id: worker for worker in mesh.workers()}


def back_with_another_pid(mesh: SyncMesh, id: str, pid: int, timeout_s: float) -> Worker:
    def look() -> Worker | None:
        worker = workers_of(mesh).get(id)
        return worker if worker and worker.pid != pid else None

    return eventually(look, timeout_s, f"new {id}")


def all_gone(processes: list[psutil.Process], timeout_s: float = 5.0) -> bool:
    _, alive = psutil.wait_procs(processes, timeout=timeout_s)
    return all(process.status() == psutil.STATUS_ZOMBIE for process in alive)


def test_a_mesh_is_served_in_under_five_seconds_and_ends_in_under_five(tmp_path: Path) -> None:
    began = time.monotonic()
    with serving(tmp_path) as serve:
        address = serve.wait_served()
        assert time.monotonic() - began < 5.0
        children = serve.children()
        assert len(children) == 2
        with SyncMesh(address) as mesh:
            assert mesh.send(EchoRequest(text="hello")).text == "hello"
        began = time.monotonic()
        serve.interrupt()
        assert serve.wait_ended() == 0
        assert time.monotonic() - began < 5.0
        assert all_gone(children, timeout_s=0)
        assert "1 tool\n" in serve.output
        assert "Traceback" not in serve.output


def test_a_killed_worker_is_back_within_two_seconds(serve: RunningServe) -> None:
    with SyncMesh(serve.wait_served()) as mesh:
        pid = workers_of(mesh)["echo-0"].pid
        os.kill(pid, signal.SIGKILL)
        back_with_another_pid(mesh, "echo-0", pid, timeout_s=2.0)
        assert mesh.send(EchoRequest(text="again")).text == "again"
    assert (
        "echo-0: killed by SIGKILL, as the kernel does when memory runs out; started"
        in serve.output
    )


def test_a_stopped_worker_is_replaced(serve: RunningServe) -> None:
    with SyncMesh(serve.wait_served()) as mesh:
        pid = workers_of(mesh)["echo-0"].pid
        os.kill(pid, signal.SIGSTOP)
        back_with_another_pid(mesh, "echo-0", pid, timeout_s=10.0)
    assert not psutil.pid_exists(pid)


def hub_of(serve: RunningServe) -> psutil.Process:
    (hub,) = [child for child in serve.children() if "thinkimg_rpc.hub" in child.cmdline()]
    return hub


def test_a_killed_hub_is_back_at_the_same_address_with_its_workers(serve: RunningServe) -> None:
    address = serve.wait_served()
    (worker,) = [child for child in serve.children() if child != hub_of(serve)]
    hub_of(serve).kill()
    eventually(lambda: "hub serves at" in serve.output, 5.0, "hub")
    with SyncMesh(address) as mesh:
        back = eventually(lambda: workers_of(mesh).get("echo-0"), 3.0, "worker")
        assert back.pid == worker.pid


def test_a_stopped_hub_is_replaced(serve: RunningServe) -> None:
    address = serve.wait_served()
    hub_of(serve).suspend()
    eventually(lambda: "hub serves at" in serve.output, 20.0, "hub")
    with SyncMesh(address) as mesh:
        eventually(lambda: "echo-0" in workers_of(mesh), 5.0, "worker")


def test_a_call_in_flight_finishes_when_the_mesh_is_interrupted(serve: RunningServe) -> None:
    answers: list[EchoResponse] = []
    with SyncMesh(serve.wait_served()) as mesh:
        request = EchoRequest(text="finished", delay_s=1.5)
        call = threading.Thread(target=lambda: answers.append(mesh.send(request)))
        call.start()
        eventually(lambda: workers_of(mesh)["echo-0"].load.in_flight == 1, 5.0, "call in flight")
        serve.interrupt()
        call.join(10)
    assert [answer.text for answer in answers] == ["finished"]
    assert serve.wait_ended() == 0


def test_killing_the_supervisor_leaves_no_process(serve: RunningServe) -> None:
    children = serve.children()
    serve.process.kill()
    assert all_gone(children)


def test_a_tool_that_does_not_exist_is_named_and_the_others_serve(tmp_path: Path) -> None:
    more = '[[worker]]\nname = "mine"\ntools = ["my_tools.zoom:Zoom"]\n'
    with serving(tmp_path, text=MESH + more) as serve:
        with SyncMesh(serve.wait_served()) as mesh:
            assert mesh.send(EchoRequest(text="hello")).text == "hello"
        (line,) = [line for line in serve.output.splitlines() if "mine-0" in line]
        assert "failed" in line
        assert "my_tools.zoom:Zoom" in line
        assert "mine-0.log" in line


def test_a_mesh_in_which_no_worker_can_start_ends_with_the_reason(tmp_path: Path) -> None:
    text = MESH.replace(ECHO, "my_tools.zoom:Zoom")
    with serving(tmp_path, text=text) as serve:
        assert serve.wait_ended(20) == 2
        last = serve.output.splitlines()[-1]
        assert last.startswith("thinkimg serve: no worker can start: ")
        assert "my_tools.zoom" in last


def test_a_taken_port_is_named_in_one_line(serve: RunningServe, tmp_path: Path) -> None:
    address = serve.wait_served()
    second = tmp_path / "second"
    second.mkdir()
    with serving(second, "--address", address) as refused:
        assert refused.wait_ended(20) == 2
        last = refused.output.splitlines()[-1]
        assert last.startswith(f"thinkimg serve: cannot listen on {address}: the port is taken")


def test_each_process_has_a_log_of_its_own_in_json_lines(
    serve: RunningServe, tmp_path: Path
) -> None:
    logs = {path.name: path.read_text() for path in (tmp_path / "logs").iterdir()}
    assert set(logs) == {"hub.log", "echo-0.log"}
    for line in logs["echo-0.log"].splitlines():
        assert json.loads(line)["process"] == "echo-0"


def test_a_tool_of_the_current_folder_joins_a_mesh_that_runs(tmp_path: Path) -> None:
    hub_only = tmp_path / "hub"
    mine = tmp_path / "mine"
    hub_only.mkdir()
    mine.mkdir()
    (mine / "my_tool.py").write_text(
        "from thinkimg_rpc.testing.echo import Echo\n\n\n"
        "class MyEcho(Echo):\n    version = '2'\n    backend = 'mine'\n"
    )
    with serving(hub_only) as serve:
        address = serve.wait_served()
        joining = ("my_tool:MyEcho", "--address", address, "--replicas", "2")
        with RunningServe(joining, mine) as joined, SyncMesh(address) as mesh:
            assert joined.wait_served() == address

            def mine_in_mesh() -> list[Worker]:
                return [worker for worker in mesh.workers() if worker.tools[0].backend == "mine"]

            assert len(eventually(mine_in_mesh, 5.0, "joined workers")) == 2
            joined.interrupt()
            assert joined.wait_ended() == 0
            eventually(lambda: not mine_in_mesh(), 2.0, "departure")
            assert "echo-0" in workers_of(mesh)


def test_joined_tools_come_back_after_the_mesh_was_restarted(tmp_path: Path) -> None:
    with serving(tmp_path) as serve:
        address = serve.wait_served()
        with RunningServe([ECHO, "--address", address], tmp_path) as joined:
            joined.wait_served()
            serve.interrupt()
            serve.wait_ended()
            eventually(lambda: "is gone" in joined.output, 5.0, "word that the mesh is gone")
            with serving(tmp_path, "--address", address) as again:
                again.wait_served()
                with SyncMesh(address) as mesh:
                    eventually(lambda: len(mesh.workers()) == 2, 5.0, "joined worker")
                assert "is back" in joined.output


def test_joining_a_mesh_that_is_not_there_is_told_in_one_line(tmp_path: Path) -> None:
    with RunningServe([ECHO, "--address", "127.0.0.1:1"], tmp_path) as joined:
        assert joined.wait_ended() == 2
        assert joined.output == (
            "thinkimg serve: no mesh answers at 127.0.0.1:1; start one with `thinkimg serve`, "
            "or name another with --address HOST:PORT\n"
        )


def test_joining_without_the_meshs_token_is_refused(tmp_path: Path) -> None:
    with serving(tmp_path, THINKIMG_TOKEN="secret") as serve:
        address = serve.wait_served()
        with RunningServe([ECHO, "--address", address], tmp_path) as joined:
            assert joined.wait_ended() == 2
            assert "set THINKIMG_TOKEN" in joined.output
        environment = {"THINKIMG_TOKEN": "secret"}
        with RunningServe([ECHO, "--address", address], tmp_path, **environment) as joined:
            joined.wait_served()


def test_serving_other_machines_without_tls_is_refused(tmp_path: Path) -> None:
    with serving(tmp_path, "--address", "0.0.0.0:0") as serve:
        assert serve.wait_ended() == 2
        assert "give --insecure" in serve.output.splitlines()[-1]
        assert "[tls] in mesh.toml" in serve.output.splitlines()[-1]


def test_insecure_serves_other_machines(tmp_path: Path) -> None:
    with serving(tmp_path, "--address", "0.0.0.0:0", "--insecure") as serve:
        port = serve.wait_served().rpartition(":")[2]
        with SyncMesh(f"127.0.0.1:{port}") as mesh:
            assert mesh.send(EchoRequest(text="hello")).text == "hello"
        serve.interrupt()
        assert serve.wait_ended() == 0
        with pytest.raises(Unavailable), SyncMesh(f"127.0.0.1:{port}", connect_timeout_s=0.2):
            pass
