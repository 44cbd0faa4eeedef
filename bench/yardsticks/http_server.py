"""Yardsticks 2 and 3, the server: FastAPI with base64 JSON, one process.

`python -m bench.yardsticks.http_server each-time` decodes the image of every
call; `... cached` keeps decoded images by digest, as a worker does. Handlers are
plain functions, which FastAPI runs in its thread pool, with a worker's concurrency.
"""

from __future__ import annotations

import base64
import hashlib
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import anyio.to_thread
import uvicorn
from fastapi import Body, FastAPI
from pydantic import BaseModel

from bench.processes import CONCURRENCY
from bench.yardsticks.tools import DecodedEachTime, Toolbox
from thinkimg_rpc.process import die_with_parent
from thinkimg_rpc.server.images import WorkerImages
from thinkimg_rpc.settings import LimitSettings
from thinkimg_rpc.v1 import Image


class ToolCall(BaseModel):
    """What is posted to a tool: its image as base64 or by digest, and its arguments."""

    arguments: dict[str, Any]
    image: str = ""
    digest: str = ""


class ToolResult(BaseModel):
    """The result image."""

    image: str
    digest: str = ""


def make_app(toolbox: Toolbox, images: WorkerImages | None) -> FastAPI:
    """The HTTP service; with `images`, it also takes uploads and digests."""

    @asynccontextmanager
    async def limit_threads(app: FastAPI) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = CONCURRENCY
        yield

    app = FastAPI(lifespan=limit_threads)

    @app.post("/tools/{tool}")
    def call(tool: str, call: ToolCall) -> ToolResult:
        if call.digest:
            image = Image(digest=call.digest)
        else:
            image = Image(data=base64.b64decode(call.image))
        result = toolbox.run(tool, call.arguments, image)
        return ToolResult(image=base64.b64encode(result.data).decode(), digest=result.digest)

    if images is not None:

        @app.post("/images")
        def upload(data: Annotated[bytes, Body(media_type="image/png")]) -> ToolResult:
            digest = hashlib.sha256(data).hexdigest()
            images.decoded.decode(digest, data)
            return ToolResult(image="", digest=digest)

    return app


def main() -> None:
    die_with_parent()
    images = None
    if sys.argv[1] == "cached":
        images = WorkerImages(
            LimitSettings(), lambda digest, seconds: None, lambda digest, data: None
        )
    app = make_app(Toolbox(images or DecodedEachTime()), images)
    listener = socket.create_server(("127.0.0.1", 0))
    # Connections must outlive the pauses in which others are measured.
    config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_keep_alive=600)
    print("127.0.0.1", listener.getsockname()[1], sep=":", flush=True)
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
