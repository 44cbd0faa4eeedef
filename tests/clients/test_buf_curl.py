"""A stock gRPC client that knows nothing of us, by reflection alone: as grpcurl would."""

from __future__ import annotations

import base64
import json
import subprocess
import sysconfig
from pathlib import Path

PROGRAM = Path(sysconfig.get_path("scripts")) / "buf"


def _buf_curl(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    flags = ["--protocol", "grpc", "--http2-prior-knowledge"]
    return subprocess.run(
        [PROGRAM, "curl", *flags, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=30,
    )


def _crop_request(picture: Path, x0: float, x1: float) -> str:
    data = base64.b64encode(picture.read_bytes()).decode()
    return json.dumps({"image": {"data": data}, "box": {"x0": x0, "y0": 0, "x1": x1, "y1": 50}})


def test_reflection_lists_the_services(mesh_address: str) -> None:
    result = _buf_curl("--list-services", f"http://{mesh_address}")
    assert result.returncode == 0, result.stderr
    assert "thinkimg_rpc.v1.CropService" in result.stdout.split()


def test_every_service_that_is_listed_is_described_too(mesh_address: str) -> None:
    result = _buf_curl("--list-methods", f"http://{mesh_address}")
    assert result.returncode == 0, result.stderr
    methods = result.stdout.split()
    assert "thinkimg_rpc.v1.CropService/CropStream" in methods
    assert "grpc.reflection.v1.ServerReflection/ServerReflectionInfo" in methods


def test_a_crop_is_called_from_json(mesh_address: str, picture: Path) -> None:
    url = f"http://{mesh_address}/thinkimg_rpc.v1.CropService/Crop"
    result = _buf_curl("-d", "@-", url, stdin=_crop_request(picture, 10, 110))
    assert result.returncode == 0, result.stderr
    image = json.loads(result.stdout)["image"]
    assert (image["width"], image["height"]) == (100, 50)


def test_the_field_at_fault_comes_back_as_json(mesh_address: str, picture: Path) -> None:
    url = f"http://{mesh_address}/thinkimg_rpc.v1.CropService/Crop"
    result = _buf_curl("-d", "@-", url, stdin=_crop_request(picture, 110, 10))
    assert result.returncode != 0
    error = json.loads(result.stderr)
    assert error["code"] == "invalid_argument"
    assert "box.x1" in error["message"]


def test_the_field_at_fault_in_an_item_of_a_stream_can_be_read(
    mesh_address: str, picture: Path
) -> None:
    url = f"http://{mesh_address}/thinkimg_rpc.v1.CropService/CropStream"
    wrong = f'{{"request_id": "wrong", "request": {_crop_request(picture, 110, 10)}}}'
    right = f'{{"request_id": "right", "request": {_crop_request(picture, 10, 110)}}}'
    result = _buf_curl("-d", "@-", url, stdin=wrong + right)
    assert result.returncode == 0, result.stderr
    assert '"field": "box.x1"' in result.stdout
    assert '"width": 100' in result.stdout
