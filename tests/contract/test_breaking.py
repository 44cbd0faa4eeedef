"""`buf breaking`: a released contract keeps working for those who built on it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet

BASELINE = Path(__file__).parents[2] / "protos" / "baseline.binpb"

# The first run installs what it needs.
pytestmark = pytest.mark.timeout(300)

Buf = Callable[..., "subprocess.CompletedProcess[str]"]


def test_nothing_in_the_released_contract_was_broken(buf: Buf, descriptor_set: Path) -> None:
    result = buf("breaking", descriptor_set, "--against", BASELINE)
    assert result.returncode == 0, result.stdout + result.stderr


def test_a_field_that_changes_its_type_would_be_found(
    buf: Buf, descriptor_set: Path, tmp_path: Path
) -> None:
    contract = FileDescriptorSet.FromString(descriptor_set.read_bytes())
    geometry = next(file for file in contract.file if file.name.endswith("/geometry.proto"))
    point = next(message for message in geometry.message_type if message.name == "Point")
    point.field[0].type = point.field[0].TYPE_FLOAT
    changed = tmp_path / "changed.binpb"
    changed.write_bytes(contract.SerializeToString())
    result = buf("breaking", changed, "--against", BASELINE)
    assert result.returncode != 0
    assert 'changed type from "double" to "float"' in result.stdout
