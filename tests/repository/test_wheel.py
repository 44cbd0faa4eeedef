"""What people get who install the wheel."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = [
    "thinkimg_rpc",
    "thinkimg_workers",
    "thinkimg_agent",
    "thinkimg_eval",
    "thinkimg_train",
]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    result = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert result.returncode == 0, result.stderr
    (path,) = folder.glob("*.whl")
    return zipfile.ZipFile(path)


def test_it_has_the_five_packages_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    top = {name.partition("/")[0] for name in wheel.namelist()}
    assert {name for name in top if not name.endswith(".dist-info")} == set(PACKAGES)
    for package in PACKAGES:
        assert f"{package}/__init__.py" in wheel.namelist()


@pytest.mark.parametrize(
    "name",
    [
        "thinkimg_rpc/py.typed",
        "thinkimg_workers/py.typed",
        "thinkimg_rpc/serve/mesh.toml",
        "thinkimg_rpc/check/picture.png",
        "thinkimg_rpc/check/picture.json",
        "thinkimg_workers/weights.toml",
        "thinkimg_rpc/v1/crop_pb2.py",
        "thinkimg_rpc/v1/crop_pb2.pyi",
        "thinkimg_rpc/v1/crop_pb2_grpc.pyi",
    ],
)
def test_it_has_more_than_the_code(wheel: zipfile.ZipFile, name: str) -> None:
    assert name in wheel.namelist()


def test_it_has_the_licence_and_the_command(wheel: zipfile.ZipFile) -> None:
    about = [name for name in wheel.namelist() if ".dist-info/" in name]
    information = {Path(name).name: wheel.read(name).decode() for name in about}
    assert "Apache License" in information["LICENSE"]
    assert "thinkimg = thinkimg_rpc.cli:main" in information["entry_points.txt"]


def test_it_has_neither_tests_nor_caches(wheel: zipfile.ZipFile) -> None:
    unwanted = [
        name
        for name in wheel.namelist()
        if "test_" in name or "conftest" in name or "__pycache__" in name or ".proto" in name
    ]
    assert not unwanted
