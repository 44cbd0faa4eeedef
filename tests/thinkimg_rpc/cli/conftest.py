"""A mesh for all commands, with a tool that makes images and one without stubs here."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from ..running_mesh import RunningServe, thinkimg_process

MESH = """
[mesh]
address = "127.0.0.1:0"

[[worker]]
name = "tools"
tools = ["thinkimg_rpc.testing.echo:Echo", "my_package.invert:Invert", "my_package.read:Read"]
"""

PROTO = """
syntax = "proto3";
package my_package;
import "thinkimg_rpc/v1/geometry.proto";
import "thinkimg_rpc/v1/image.proto";
import "thinkimg_rpc/v1/options.proto";

service InvertService {
  rpc Invert(InvertRequest) returns (InvertResponse) {
    option (thinkimg_rpc.v1.tool) = {
      name: "Invert" description: "Invert the colours of an image." aliases: "negative"
    };
  }
}
message InvertRequest {
  thinkimg_rpc.v1.Image image = 1 [(thinkimg_rpc.v1.rule) = {help: "The image." required: true}];
}
message InvertResponse { thinkimg_rpc.v1.ResultImage image = 1; }
"""
READ_PROTO = """
syntax = "proto3";
package my_package;
import "thinkimg_rpc/v1/options.proto";

service ReadService {
  rpc Read(ReadRequest) returns (ReadResponse) {
    option (thinkimg_rpc.v1.tool) = {name: "Read" description: "Read two lines."};
  }
}
message ReadRequest {}
message Line { string text = 1; double score = 2; }
message ReadResponse { repeated Line lines = 1; uint32 pages = 2; string language = 3; }
"""
TOOLS = '''
from my_package.invert_pb2 import InvertRequest, InvertResponse
from thinkimg_rpc.tool import Call, Tool


class Invert(Tool[InvertRequest, InvertResponse]):
    """Invert the colours of an image."""

    backend = "numpy"

    def run(self, request: InvertRequest, call: Call) -> InvertResponse:
        return InvertResponse(image=call.reply_image(255 - call.image(request.image)))
'''
READ_TOOL = '''
from my_package.read_pb2 import Line, ReadRequest, ReadResponse
from thinkimg_rpc.tool import Call, Tool


class Read(Tool[ReadRequest, ReadResponse]):
    """Read two lines."""

    def run(self, request: ReadRequest, call: Call) -> ReadResponse:
        lines = [Line(text="Revenue, 2019", score=0.9), Line(text="12 %", score=0.8)]
        return ReadResponse(lines=lines, pages=3)
'''


@pytest.fixture(scope="session")
def cache() -> dict[str, str]:
    """Keeps the compiler that `thinkimg protoc` installs from one run of the tests to the next."""
    build = Path(__file__).parents[3] / "build"
    return {"XDG_CACHE_HOME": str(build / "cache")}


@pytest.fixture(scope="session")
def mesh(tmp_path_factory: pytest.TempPathFactory, cache: dict[str, str]) -> Iterator[str]:
    """The address of a mesh whose tools this process knows nothing of."""
    folder = tmp_path_factory.mktemp("mesh")
    package = folder / "my_package"
    package.mkdir()
    (package / "invert.proto").write_text(PROTO)
    (package / "read.proto").write_text(READ_PROTO)
    (package / "invert.py").write_text(TOOLS)
    (package / "read.py").write_text(READ_TOOL)
    protos = [str(package / name) for name in ("invert.proto", "read.proto")]
    compiled = thinkimg_process("protoc", "-I", str(folder), *protos, **cache)
    assert compiled.returncode == 0, compiled.stderr
    (folder / "mesh.toml").write_text(MESH)
    with RunningServe([], folder) as serve:
        yield serve.wait_served()


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    """A white picture with a dark bar, 60 x 40."""
    pixels = np.full((40, 60, 3), 255, np.uint8)
    pixels[10:40, 20:30] = (200, 40, 10)
    path = tmp_path / "chart.png"
    assert cv2.imwrite(str(path), pixels)
    return path


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("THINKIMG_")]:
        if name not in ("THINKIMG_NO_SKIPS", "THINKIMG_FIGURES"):
            monkeypatch.delenv(name)
