"""A tool that runs until a test lets it go, and tells what became of each run."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

from thinkimg_rpc.errors import ThinkImgError
from thinkimg_rpc.testing.v1 import EchoRequest, EchoResponse
from thinkimg_rpc.tool import Call, Tool

STEP_S = 0.01
WAIT_S = 20.0


class GatedEcho(Tool[EchoRequest, EchoResponse]):
    """Returns the text once the gate is open; checks its deadline until then."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.began: list[str] = []
        """The texts of the requests it was run for."""
        self.stopped: dict[str, str] = {}
        """Text -> the error that ended the run early."""

    def run(self, request: EchoRequest, call: Call) -> EchoResponse:
        self.began.append(request.text)
        while not self.gate.wait(STEP_S):
            try:
                call.check_deadline()
            except ThinkImgError as error:
                self.stopped[request.text] = type(error).__name__
                raise
        return EchoResponse(text=request.text, worker_id=call.worker_id)


async def eventually(holds: Callable[[], object]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(WAIT_S):
        while True:
            if holds():
                return
            await asyncio.sleep(STEP_S)
