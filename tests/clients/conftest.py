"""What every foreign client is tried on: an address, and a picture to crop."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import grpc
import numpy as np
import pytest
from grpc_reflection.v1alpha import reflection

from thinkimg_rpc.errors import InvalidRequest, to_status
from thinkimg_rpc.v1 import (
    CropRequest,
    CropResponse,
    CropServiceServicer,
    ResultImage,
    add_CropServiceServicer_to_server,
)

WIDTH, HEIGHT = 640, 360


class StandInCrop(CropServiceServicer):
    """A crop with one check."""

    def Crop(self, request: CropRequest, context: Any) -> CropResponse:
        box = request.box
        if box.x1 <= box.x0:
            status = to_status(InvalidRequest.field("box.x1", "must be larger than box.x0"))
            details = ("grpc-status-details-bin", status.SerializeToString())
            context.set_trailing_metadata([details])
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, status.message)
        pixels = cv2.imdecode(np.frombuffer(request.image.data, np.uint8), cv2.IMREAD_COLOR)
        assert pixels is not None
        kept = pixels[int(box.y0) : int(box.y1), int(box.x0) : int(box.x1)]
        height, width = kept.shape[:2]
        data = cv2.imencode(".png", kept)[1].tobytes()
        return CropResponse(image=ResultImage(data=data, width=width, height=height))

    def CropStream(self, request_iterator: Any, context: Any) -> Any:
        raise NotImplementedError


@pytest.fixture(scope="session")
def mesh_address() -> Iterator[str]:
    """HOST:PORT of a front door that serves Crop, with reflection."""
    server = grpc.server(ThreadPoolExecutor(4), options=[("grpc.so_reuseport", 0)])
    add_CropServiceServicer_to_server(StandInCrop(), server)
    names = ("thinkimg_rpc.v1.CropService", reflection.SERVICE_NAME)
    reflection.enable_server_reflection(names, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None).wait(5)


@pytest.fixture(scope="session")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PNG of 640 by 360 whose every pixel tells where it is."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    pixels = np.stack([columns % 256, rows % 256, columns // 256], axis=-1).astype(np.uint8)
    path = tmp_path_factory.mktemp("picture") / "input.png"
    cv2.imwrite(str(path), pixels)
    return path
