"""A tool that does nothing, or misbehaves on demand."""

from __future__ import annotations

import ctypes
import time

from thinkimg_rpc.testing.v1 import EchoRequest, EchoResponse
from thinkimg_rpc.tool import Call, Tool

_STEP_S = 0.01


class Echo(Tool[EchoRequest, EchoResponse]):
    """Return what was sent."""

    def run(self, request: EchoRequest, call: Call) -> EchoResponse:
        response = EchoResponse(
            payload=request.payload, text=request.text, worker_id=call.worker_id
        )
        if request.HasField("image"):
            response.image_height, response.image_width = call.image(request.image).shape[:2]
        if request.hold_gil:
            # PyDLL, unlike CDLL, keeps the interpreter's lock during the call.
            ctypes.PyDLL(None).usleep(int(request.delay_s * 1e6))
        elif request.delay_s:
            _wait(request.delay_s, call)
        if request.fail:
            raise RuntimeError("asked to fail")
        return response


def _wait(delay_s: float, call: Call) -> None:
    end = time.monotonic() + delay_s
    while (left_s := end - time.monotonic()) > 0:
        call.check_deadline()
        time.sleep(min(_STEP_S, left_s))
