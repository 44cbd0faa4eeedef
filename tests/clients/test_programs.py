"""The programs of examples/clients, built from fresh stubs and run against a mesh."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
MAKE_PROTOS = [sys.executable, str(ROOT / "scripts" / "make_protos.py")]
GO_LIBRARIES = Path("/usr/share/gocode")

Program = list[str]

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module", params=["node", "go"])
def program(request: pytest.FixtureRequest) -> Program:
    """The command line of a freshly built program."""
    return {"node": _node_program, "go": _go_program}[request.param]()


def test_a_program_crops_a_picture(program: Program, mesh_address: str, picture: Path) -> None:
    output = picture.with_name("output.png")
    result = _run(program, mesh_address, picture, output, "40", "20", "240", "120")
    assert result.returncode == 0, result.stderr
    assert result.stdout == "200×100\n"
    whole, part = cv2.imread(str(picture)), cv2.imread(str(output))
    assert whole is not None
    assert part is not None
    np.testing.assert_array_equal(part, whole[20:120, 40:240])


def test_a_program_reads_which_field_is_at_fault(
    program: Program, mesh_address: str, picture: Path
) -> None:
    output = picture.with_name("never.png")
    result = _run(program, mesh_address, picture, output, "240", "20", "40", "120")
    assert result.returncode == 1
    headline, *violations = result.stderr.splitlines()
    assert headline.upper().replace("_", "").startswith("INVALIDARGUMENT: ")
    assert any(line.startswith("  box.x1: must be larger than x0") for line in violations)
    assert not output.exists()


def test_a_program_gives_up_on_a_mesh_that_is_not_there(program: Program, picture: Path) -> None:
    output = picture.with_name("never.png")
    result = _run(program, "127.0.0.1:1", picture, output, "40", "20", "240", "120")
    assert result.returncode == 1
    assert result.stderr.upper().startswith("UNAVAILABLE: ")


def test_a_stock_grpc_client_finds_the_workers_by_itself(
    bootstrap_file: Path, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRPC_XDS_BOOTSTRAP", str(bootstrap_file))
    program = _node_program("node-xds")
    output = picture.with_name("found.png")
    result = _run(program, picture, output, "40", "20", "240", "120")
    assert result.returncode == 0, result.stderr
    assert result.stdout == "200×100\n"
    refused = _run(program, picture, output, "240", "20", "40", "120")
    assert refused.returncode == 1
    assert refused.stderr.startswith("INVALID_ARGUMENT: box.x1: must be larger than x0")


def _node_program(name: str = "node") -> Program:
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("needs node and npm")
    folder = ROOT / "examples" / "clients" / name
    _build([*MAKE_PROTOS, "node"])
    _build(["npm", "install", "--no-audit", "--no-fund"], folder=folder)
    return ["node", str(folder / "crop.js")]


def _go_program() -> Program:
    programs = ["go", "protoc-gen-go", "protoc-gen-go-grpc"]
    libraries = [GO_LIBRARIES / "src/google.golang.org" / name for name in ("grpc", "genproto")]
    if not all(map(shutil.which, programs)) or not all(path.exists() for path in libraries):
        pytest.skip("needs Debian's Go packages, listed in .ci/apt-packages.txt")
    workspace = ROOT / "build" / "go"
    binary = workspace / "bin" / "crop"
    _build([*MAKE_PROTOS, "go"])
    _build(
        ["go", "build", "-o", str(binary), "./examples/clients/go"],
        GO111MODULE="off",
        GOPATH=f"{workspace}:{GO_LIBRARIES}",
        GOCACHE=str(workspace / "cache"),
        CGO_ENABLED="0",
    )
    return [str(binary)]


def _build(command: list[str], *, folder: Path = ROOT, **environment: str) -> None:
    """Run one step of a build; what it printed is shown if it fails."""
    result = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=240,
    )
    assert result.returncode == 0, result.stdout


def _run(program: Program, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*program, *arguments], capture_output=True, text=True, timeout=30)
