"""`buf lint`: the names and the layout every protobuf tool expects."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet

# The first run installs what it needs.
pytestmark = pytest.mark.timeout(300)

Buf = Callable[..., "subprocess.CompletedProcess[str]"]


def test_the_contract_passes_buf_lint(buf: Buf, descriptor_set: Path) -> None:
    result = buf("lint", descriptor_set)
    assert result.returncode == 0, result.stdout + result.stderr


def test_a_badly_named_field_would_be_found(buf: Buf, descriptor_set: Path, tmp_path: Path) -> None:
    contract = FileDescriptorSet.FromString(descriptor_set.read_bytes())
    crop = next(file for file in contract.file if file.name == "thinkimg_rpc/v1/crop.proto")
    crop.message_type[0].field[0].name = "theImage"
    changed = tmp_path / "changed.binpb"
    changed.write_bytes(contract.SerializeToString())
    result = buf("lint", changed)
    assert result.returncode != 0
    assert "theImage" in result.stdout
