"""Everything that is measured against each other, started side by side."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from bench.mesh import DirectCalls, FrontDoorCalls
from bench.processes import image_worker, serve_mesh, serve_yardstick
from bench.workload import Contender
from bench.yardsticks.http_client import Base64Calls, DigestCalls, open_session
from bench.yardsticks.in_process import in_process
from bench.yardsticks.tools import encode_with_opencv
from thinkimg_rpc.channel import open_channel
from thinkimg_rpc.client import Mesh
from thinkimg_rpc.imaging.codec import encode_png
from thinkimg_rpc.settings import LimitSettings

MESH = "mesh"
FRONT_DOOR = "mesh, front door"
IN_PROCESS = "in process"
IN_PROCESS_OPENCV = "in process, OpenCV PNG"
BASE64 = "FastAPI, base64"
DIGESTS = "FastAPI, digests"


@dataclass(frozen=True)
class Entrant:
    """A contender and the processes that serve it."""

    contender: Contender
    server_pids: tuple[int, ...] = ()


@asynccontextmanager
async def open_arena() -> AsyncIterator[Mapping[str, Entrant]]:
    """One client process (this one), and one server process for each contender."""
    async with AsyncExitStack() as stack:
        served = await stack.enter_async_context(serve_mesh(image_worker()))
        worker = served.worker_pids["image-0"]
        mesh = await stack.enter_async_context(Mesh(served.address))
        limit = LimitSettings().max_message_bytes
        door = await stack.enter_async_context(
            open_channel(served.address, max_message_bytes=limit)
        )
        entrants = {
            MESH: Entrant(DirectCalls(mesh), (worker,)),
            FRONT_DOOR: Entrant(FrontDoorCalls(door), (worker, served.hub_pid)),
            IN_PROCESS: Entrant(stack.enter_context(in_process(encode_png))),
            IN_PROCESS_OPENCV: Entrant(stack.enter_context(in_process(encode_with_opencv))),
        }
        for name, kind, calls in (
            (BASE64, "each-time", Base64Calls),
            (DIGESTS, "cached", DigestCalls),
        ):
            yardstick = await stack.enter_async_context(
                serve_yardstick("bench.yardsticks.http_server", kind)
            )
            session = await stack.enter_async_context(open_session(yardstick.address))
            entrants[name] = Entrant(calls(session), (yardstick.pid,))
        yield entrants
