"""The committed stubs are what `make protos` writes today."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from thinkimg_rpc.cli.proto_compiler import REQUIREMENTS

ROOT = Path(__file__).parents[2]
PACKAGES = ["thinkimg_rpc/v1", "thinkimg_rpc/testing/v1", "thinkimg_rpc/hub/etcd"]

# The first run installs what it needs.
pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def regenerated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("stubs")
    script = ROOT / "scripts" / "make_protos.py"
    subprocess.run([sys.executable, script, "--out", out], check=True, timeout=240)
    return out


def _files(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir() if path.is_file()}


@pytest.mark.parametrize("package", PACKAGES)
def test_regenerating_changes_nothing(package: str, regenerated: Path) -> None:
    committed, fresh = _files(ROOT / package), _files(regenerated / package)
    assert sorted(committed) == sorted(fresh)
    stale = [name for name in fresh if fresh[name] != committed[name]]
    assert not stale, "run `make protos`"


@pytest.mark.parametrize("package", PACKAGES)
def test_every_stub_says_that_it_is_generated(package: str) -> None:
    for name, text in _files(ROOT / package).items():
        assert "generated" in text[:200].lower(), name


def test_an_unknown_language_is_named_in_the_error() -> None:
    script = ROOT / "scripts" / "make_protos.py"
    result = subprocess.run([sys.executable, script, "cobol"], capture_output=True, text=True)
    assert result.returncode == 2
    assert "no such language: cobol (choose from python, node, go)" in result.stderr


def test_tool_authors_get_the_compiler_that_we_use() -> None:
    ours = runpy.run_path(str(ROOT / "scripts" / "proto_environment.py"))["REQUIREMENTS"]
    assert set(REQUIREMENTS) <= set(ours)
