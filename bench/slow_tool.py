"""A tool that takes as long as it is told to, and no processor time."""

from __future__ import annotations

import time

from thinkimg_rpc.testing.v1 import EchoRequest, EchoResponse
from thinkimg_rpc.tool import Call, Tool


class SlowTool(Tool[EchoRequest, EchoResponse]):
    """Sleeps, as a call to a model elsewhere does for its caller, and gives back the text."""

    def run(self, request: EchoRequest, call: Call) -> EchoResponse:
        time.sleep(request.delay_s)
        return EchoResponse(text=request.text)
