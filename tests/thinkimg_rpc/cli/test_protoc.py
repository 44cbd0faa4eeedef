from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from thinkimg_rpc.cli.proto_compiler import REQUIREMENTS, our_descriptors

from ..running_mesh import thinkimg, thinkimg_process

GOOD = """
syntax = "proto3";
package my_package;
import "google/rpc/status.proto";
import "thinkimg_rpc/v1/image.proto";
import "thinkimg_rpc/v1/stream.proto";
message A { thinkimg_rpc.v1.Image image = 1; google.rpc.Status error = 2; }
message B { thinkimg_rpc.v1.StreamCancel cancel = 1; }
service S { rpc Do(A) returns (B); }
"""
WRITTEN = ["my_tool_pb2.py", "my_tool_pb2.pyi", "my_tool_pb2_grpc.py", "my_tool_pb2_grpc.pyi"]


@pytest.fixture
def proto(tmp_path: Path) -> Path:
    path = tmp_path / "my_package" / "my_tool.proto"
    path.parent.mkdir()
    path.write_text(GOOD)
    return path


def names(folder: Path, but: str = ".proto") -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.suffix != but)


def test_stubs_are_written_beside_the_proto_and_can_be_imported(
    proto: Path, tmp_path: Path, cache: dict[str, str]
) -> None:
    compiled = thinkimg_process("protoc", "-I", str(tmp_path), str(proto), **cache)
    assert compiled.returncode == 0, compiled.stderr
    assert names(proto.parent) == WRITTEN
    script = "from my_package.my_tool_pb2_grpc import SStub; from my_package.my_tool_pb2 import A"
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True)


def test_stubs_go_below_out_if_it_is_given(
    proto: Path, tmp_path: Path, cache: dict[str, str]
) -> None:
    out = tmp_path / "generated"
    thinkimg_process("protoc", "-I", str(tmp_path), str(proto), "--out", str(out), **cache)
    assert names(out / "my_package") == WRITTEN
    assert names(proto.parent) == []


def test_a_mistake_in_the_proto_is_told_by_file_and_line(
    proto: Path, tmp_path: Path, cache: dict[str, str]
) -> None:
    proto.write_text(GOOD.replace("thinkimg_rpc.v1.Image image", "Picture image"))
    compiled = thinkimg_process("protoc", "-I", str(tmp_path), str(proto), **cache)
    assert compiled.returncode == 2
    assert 'my_tool.proto:7:13: "Picture" is not defined.' in compiled.stderr
    assert "Traceback" not in compiled.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["notes.txt"], "notes.txt is no .proto file"),
        (["none.proto"], "there is no file none.proto"),
        (["-I", "/usr", "{proto}"], "is not below /usr; name the folder its imports are"),
    ],
)
def test_a_file_that_cannot_be_compiled_is_named(
    proto: Path, arguments: list[str], said: str
) -> None:
    compiled = thinkimg("protoc", *(word.format(proto=proto) for word in arguments))
    assert compiled.returncode == 2
    assert said in compiled.stderr
    assert compiled.stderr.count("\n") == 1


def test_every_file_comes_after_those_it_imports() -> None:
    seen: set[str] = set()
    for file in our_descriptors().file:
        assert seen.issuperset(file.dependency)
        seen.add(file.name)
    assert {"thinkimg_rpc/v1/options.proto", "google/rpc/status.proto"} <= seen


def test_the_compiler_is_the_one_that_makes_our_own_stubs() -> None:
    script = Path(__file__).parents[3] / "scripts" / "proto_environment.py"
    ours = script.read_text(encoding="utf-8")
    assert all(f'"{requirement}"' in ours for requirement in REQUIREMENTS)
