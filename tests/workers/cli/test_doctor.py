"""`thinkimg doctor`."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

from ...thinkimg_rpc.running_mesh import RunningServe, thinkimg

IMAGE = """
[[worker]]
name = "image"
tools = ["thinkimg_workers.crop:Crop"]
"""
BROKEN = """
[[worker]]
name = "mine"
tools = ["nowhere:Tool"]
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "mesh.toml"


def write(config: Path, workers: str, address: str = "127.0.0.1:0") -> tuple[str, str]:
    config.write_text(f'[mesh]\naddress = "{address}"\n{workers}')
    return "--config", str(config)


def test_the_machine_and_each_tools_backend_are_told(config: Path) -> None:
    told = thinkimg("doctor", *write(config, IMAGE))
    assert told.returncode == 0, told.stdout
    assert "CPU cores" in told.stdout
    assert "packages: Python 3." in told.stdout
    assert "worker image\n  Crop: opencv" in told.stdout


def test_a_tool_that_cannot_start_is_told_and_the_others_would_serve(config: Path) -> None:
    told = thinkimg("doctor", *write(config, IMAGE + BROKEN))
    assert "nowhere:Tool: cannot start: " in told.stdout
    assert told.returncode == 0


def test_a_mesh_in_which_nothing_could_start_fails(config: Path) -> None:
    assert thinkimg("doctor", *write(config, BROKEN)).returncode == 1


@pytest.mark.parametrize(
    ("workers", "address", "reason"),
    [
        ("[[worker]]\nname = 1", "127.0.0.1:0", "name: expected text in quotes"),
        (IMAGE, "0.0.0.0:0", "can be reached from other machines and the mesh has no TLS"),
    ],
)
def test_a_mesh_that_cannot_be_served_fails_with_the_reason(
    config: Path, workers: str, address: str, reason: str
) -> None:
    told = thinkimg("doctor", *write(config, workers, address))
    assert told.returncode == 1
    assert "cannot serve: " in told.stdout
    assert reason in told.stdout


def test_an_address_that_another_program_has_is_told(config: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        told = thinkimg("doctor", *write(config, IMAGE, address))
    assert f"cannot serve: cannot listen on {address}" in told.stdout
    assert told.returncode == 1


def test_an_address_at_which_a_mesh_is_served_is_no_failure(config: Path, tmp_path: Path) -> None:
    with RunningServe(write(config, IMAGE), tmp_path) as serve:
        address = serve.wait_served()
        told = thinkimg("doctor", *write(config, IMAGE, address))
    assert f"a mesh is being served at {address}: `thinkimg check` asks" in told.stdout
    assert told.returncode == 0


def test_an_environment_that_is_not_built_yet_is_no_failure(config: Path, tmp_path: Path) -> None:
    worker = f'{IMAGE}env = "old"\n[env.old]\nrequirements = ["transformers<5"]'
    chosen = write(config, worker)
    told = thinkimg("doctor", *chosen, XDG_CACHE_HOME=str(tmp_path))
    assert "environment old: not built yet" in told.stdout
    assert "worker image, in environment old" in told.stdout
    assert told.returncode == 0


def test_an_environment_that_cannot_be_used_is_a_failure(config: Path, tmp_path: Path) -> None:
    worker = f'{IMAGE}env = "old"\n[env.old]\npath = "{tmp_path}"'
    told = thinkimg("doctor", *write(config, worker))
    assert "is no virtual environment" in told.stdout
    assert told.returncode == 1


def test_an_environment_that_is_there_is_asked_itself(config: Path, tmp_path: Path) -> None:
    worker = f'{IMAGE}env = "same"\n[env.same]\npath = "{sys.prefix}"'
    told = thinkimg("doctor", *write(config, worker), XDG_CACHE_HOME=str(tmp_path))
    assert "environment same: Python 3." in told.stdout
    assert "  Crop: opencv" in told.stdout


def test_the_shipped_mesh_would_serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    told = thinkimg("doctor")
    assert "OCR: " in told.stdout
    assert "cannot start" not in told.stdout
