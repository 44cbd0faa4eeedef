"""The images, as far as they can be tried without a container engine."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
import tomllib
from pathlib import Path

import psutil
import pytest
import yaml

from thinkimg_rpc.client import SyncMesh
from thinkimg_rpc.errors import Unauthenticated
from thinkimg_rpc.serve.config import DEFAULT_CONFIG, load_config

from ..thinkimg_rpc.running_mesh import eventually

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
CONTAINERS = ROOT / "containers"
DOCKERFILE = (ROOT / "Dockerfile").read_text()
SCRIPTS = sorted(CONTAINERS.glob("*.sh"))
PORTS = ("50051", "50052", "50053", "50054")
BASE_MB = 130
"""Debian's minimal system, cleaned as the slim image is, with Python and all of system.sh."""
TOKEN = "a secret of the test"
LONG_S = 100.0


def lint(*command: str | Path) -> str:
    ran = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    return "" if ran.returncode == 0 else ran.stdout + ran.stderr


def test_the_dockerfile_the_scripts_and_the_compose_file_have_no_known_faults() -> None:
    assert lint(BIN / "hadolint", "Dockerfile") == ""
    assert lint(BIN / "shellcheck", *SCRIPTS) == ""
    assert lint(BIN / "yamllint", "--strict", "-c", "deploy/yamllint.yaml", "compose.yaml") == ""
    schema = ("--builtin-schema", "vendor.compose-spec")
    assert lint(BIN / "check-jsonschema", *schema, "compose.yaml") == ""


def test_the_steps_of_the_images_are_the_scripts() -> None:
    steps = re.findall(r"^RUN (.*)", DOCKERFILE, re.MULTILINE)
    assert steps == [
        "/tmp/system.sh && rm /tmp/system.sh",
        "PIP_NO_CACHE_DIR=1 containers/install.sh cpu /opt/thinkimg",
        "PIP_NO_CACHE_DIR=1 containers/install.sh slim /opt/thinkimg",
    ]


@pytest.mark.parametrize("target", ["cpu", "slim", "full"])
def test_an_image_runs_as_a_user_without_rights(target: str) -> None:
    stage = re.split(r"^FROM ", DOCKERFILE, flags=re.MULTILINE)
    body = {one.split()[2]: one for one in stage[1:]}
    assert "USER 10001:10001" in body[target if target != "full" else "slim"]
    assert "useradd --uid 10001" in (CONTAINERS / "system.sh").read_text()


def test_what_is_copied_is_there_and_not_ignored() -> None:
    allowed = {
        line[1:]
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    copied = {
        source
        for sources in re.findall(r"^COPY (?!--)(.*) \S+$", DOCKERFILE, re.MULTILINE)
        for source in sources.split()
    }
    assert {Path(source).parts[0] for source in copied} == allowed
    # The weights are the user's own to put there.
    assert [source for source in copied - {"weights"} if not (ROOT / source).exists()] == []
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert {Path(package).parts[0] for package in packages} <= copied


def test_the_images_mesh_is_the_shipped_one_at_ports_that_are_published() -> None:
    image, shipped = load_config(CONTAINERS / "mesh.toml"), load_config(DEFAULT_CONFIG)
    assert [(one.name, one.tools) for one in image.worker] == [
        (one.name, one.tools) for one in shipped.worker
    ]
    ports = [image.mesh.address.rpartition(":")[2], *(str(one.port) for one in image.worker)]
    assert tuple(ports) == PORTS
    assert "EXPOSE 50051-50054" in DOCKERFILE
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    for service in services.values():
        assert service["ports"] == ["127.0.0.1:50051-50054:50051-50054"]


@pytest.fixture
def container(tmp_path: Path) -> Path:
    """The files of the images, at ports that are free here, with logs in a folder of the test."""
    found = []
    for _ in PORTS:
        probe = socket.create_server(("127.0.0.1", 0))
        found.append((probe, str(probe.getsockname()[1])))
    for probe, _ in found:
        probe.close()
    folder = tmp_path / "container"
    folder.mkdir()
    (tmp_path / "mesh").mkdir()
    for source in (*SCRIPTS, CONTAINERS / "mesh.toml"):
        text = source.read_text().replace('"/log"', f'"{tmp_path / "log"}"')
        for port, (_, free) in zip(PORTS, found, strict=True):
            text = text.replace(port, free)
        (folder / source.name).write_text(text)
        shutil.copymode(source, folder / source.name)
    return folder


@pytest.fixture
def told(container: Path, tmp_path: Path) -> dict[str, str]:
    """Variables under which `thinkimg` only writes down what it is told."""
    stub = tmp_path / "bin" / "thinkimg"
    stub.parent.mkdir()
    stub.write_text('#!/bin/sh\necho "$@"\n')
    stub.chmod(0o755)
    return {"PATH": f"{stub.parent}:/usr/bin:/bin"}


def started(container: Path, variables: dict[str, str], *words: str) -> tuple[str, str]:
    ran = subprocess.run(
        [container / "entrypoint.sh", *words],
        cwd=container.parent / "mesh",
        env=variables,
        capture_output=True,
        text=True,
        check=True,
    )
    return ran.stdout.strip(), ran.stderr


@pytest.mark.parametrize("words", [(), ("serve",)])
def test_without_a_token_the_mesh_listens_inside_the_container_only(
    container: Path, told: dict[str, str], words: tuple[str, ...]
) -> None:
    said, warned = started(container, told, *words)
    assert re.fullmatch(rf"serve --config {container}/mesh.toml --address 127.0.0.1:\d+", said)
    assert "no THINKIMG_TOKEN" in warned


@pytest.mark.parametrize(
    ("variables", "words"), [({"THINKIMG_TOKEN": "t"}, ()), ({}, ("serve", "--insecure"))]
)
def test_a_token_or_being_told_so_lets_published_ports_lead_to_it(
    container: Path, told: dict[str, str], variables: dict[str, str], words: tuple[str, ...]
) -> None:
    said, warned = started(container, told | variables, *words)
    assert re.search(r"--address 0.0.0.0:\d+ --insecure$", said)
    assert warned == ""


def test_a_mesh_toml_of_ones_own_and_other_commands_are_left_as_they_are(
    container: Path, told: dict[str, str]
) -> None:
    assert started(container, told, "tools", "--json")[0] == "tools --json"
    assert started(container, told, "serve", "--only", "hub")[0] == "serve --only hub"
    (container.parent / "mesh" / "mesh.toml").touch()
    assert started(container, told | {"THINKIMG_TOKEN": "t"})[0] == "serve"


@pytest.mark.timeout(900)
def test_the_cpu_image_has_no_torch_no_windows_and_stays_below_600_mb(
    cpu_environment: Path,
) -> None:
    (packages,) = cpu_environment.glob("lib/python*/site-packages")
    names = {path.name.partition("-")[0] for path in packages.glob("*.dist-info")}
    assert {"thinkimg_rpc", "opencv_python_headless", "rapidocr"} <= names
    assert not names & {"torch", "opencv_python", "transformers"}
    size = sum(path.lstat().st_size for path in cpu_environment.rglob("*"))
    assert BASE_MB + size / 1e6 < 600


@pytest.mark.timeout(900)
def test_the_image_serves_with_a_token_and_its_health_check_passes(
    container: Path, image_variables: dict[str, str], tmp_path: Path
) -> None:
    variables = image_variables | {"THINKIMG_TOKEN": TOKEN}
    address = load_config(container / "mesh.toml").mesh.address
    with (tmp_path / "said").open("w") as said:
        serve = psutil.Popen(
            [container / "entrypoint.sh"],
            cwd=tmp_path / "mesh",
            env=variables,
            stdout=said,
            stderr=said,
        )
    try:
        eventually(lambda: "mesh serving" in (tmp_path / "said").read_text(), LONG_S, "mesh")
        # As if through a published port: at another address than the loopback's usual one.
        outside = f"127.0.0.2:{address.rpartition(':')[2]}"
        with pytest.raises(Unauthenticated), SyncMesh(outside):
            pass
        with SyncMesh(outside, token=TOKEN, connect_timeout_s=LONG_S) as mesh:
            eventually(lambda: len(mesh.workers()) == 3, LONG_S, "all workers")
        (check,) = re.findall(r"HEALTHCHECK .*\\\n +CMD (\[.*\])", DOCKERFILE)
        checked = subprocess.run(
            [*json.loads(check), "--timeout", str(LONG_S)],
            env=variables | {"THINKIMG_ADDRESS": address},
            capture_output=True,
            text=True,
        )
        assert checked.returncode == 0, checked.stdout + checked.stderr
        assert "9 tools asked, nothing is wrong" in checked.stdout
        serve.terminate()
        assert serve.wait(LONG_S) == 0
    finally:
        for process in [*serve.children(recursive=True), serve] if serve.is_running() else []:
            process.kill()
