"""A stand-in for a model on an accelerator: a cost for each pass, and a small one for each call."""

from __future__ import annotations

import time
from collections.abc import Sequence

from thinkimg_rpc.testing.v1 import EchoRequest, EchoResponse
from thinkimg_rpc.tool import Call, Tool

PASS_S = 0.020
CALL_S = 0.001


class SyntheticModel(Tool[EchoRequest, EchoResponse]):
    """Sleeps for as long as the model would compute, and gives back what was sent."""

    def run_batch(
        self, requests: Sequence[EchoRequest], calls: Sequence[Call]
    ) -> list[EchoResponse]:
        time.sleep(PASS_S + CALL_S * len(requests))
        return [EchoResponse(text=request.text) for request in requests]
