"""`SyncMesh`: the same client for code that does not use asyncio."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from google.protobuf.message import Message

from thinkimg_rpc.client.answers import Answer
from thinkimg_rpc.client.mesh import Images, Mesh
from thinkimg_rpc.contract import ToolContract
from thinkimg_rpc.v1 import AbsentWorker, Image, Worker

if TYPE_CHECKING:
    from thinkimg_rpc.tool import Tool

T = TypeVar("T")


class SyncMesh:
    """`Mesh` with blocking methods, usable from any number of threads.

    Takes the arguments of `Mesh`. All instances share one event loop in one
    background thread: gRPC's asyncio layer wants no more than one a process.

        with SyncMesh() as mesh:
            response = mesh.call("OCR", {}, images={"img_1": data})
    """

    def __init__(self, address: str | None = None, **options: Any) -> None:
        self._opening: AbstractAsyncContextManager[Mesh] = Mesh(address, **options)

    @classmethod
    def local(cls, tools: Sequence[type[Tool[Any, Any]]], **options: Any) -> Self:
        """A mesh of its own inside this process; see `Mesh.local`."""
        mesh = cls.__new__(cls)
        mesh._opening = Mesh.local(tools, **options)
        return mesh

    def __enter__(self) -> Self:
        self._mesh = _wait(self._opening.__aenter__())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        _wait(self._opening.__aexit__(kind, error, traceback))

    def image(self, data: bytes) -> Image:
        """Keep an encoded image at hand, and return what names it in requests."""
        return self._mesh.image(data)

    def image_data(self, digest: str) -> bytes | None:
        """The encoded image of a digest, if still at hand."""
        return self._mesh.image_data(digest)

    def workers(self) -> list[Worker]:
        """The workers known right now."""
        return self._mesh.workers()

    def absent_workers(self) -> list[AbsentWorker]:
        """Workers that should serve and do not, with the reasons, as the registry was told."""
        return _wait(self._mesh.absent_workers())

    def contracts(self) -> list[ToolContract]:
        """The contracts of all the tools served right now, by name."""
        return _wait(self._mesh.contracts())

    def contract(self, name: str) -> ToolContract:
        """The contract of one tool, by its name or an alias."""
        return _wait(self._mesh.contract(name))

    def build_request(
        self, name: str, arguments: Mapping[str, Any] | str, images: Images | None = None
    ) -> Message:
        """The request that JSON arguments stand for; `images` are named in them."""
        return _wait(self._mesh.build_request(name, arguments, images))

    def call(
        self,
        name: str,
        arguments: Mapping[str, Any] | str,
        images: Images | None = None,
        *,
        timeout_s: float | None = None,
    ) -> Message:
        """Call a tool by name with JSON arguments."""
        return _wait(self._mesh.call(name, arguments, images, timeout_s=timeout_s))

    def send(self, request: Message, *, timeout_s: float | None = None) -> Any:
        """Call the tool whose request this is, through its generated stub."""
        return _wait(self._mesh.send(request, timeout_s=timeout_s))

    def stream(
        self,
        requests: Iterable[Message],
        *,
        timeout_s: float | None = None,
        in_flight: int = 32,
    ) -> Iterator[Answer[Any]]:
        """Call tools with many requests; answers come as each is ready.

        An iterator is asked for its next request in a thread of its own, so it may
        read files or call the mesh itself.
        """
        source = requests if isinstance(requests, Sequence) else _in_threads(requests)
        answers = self._mesh.stream(source, timeout_s=timeout_s, in_flight=in_flight)
        try:
            while (answer := _wait(_next(answers))) is not None:
                yield answer
        finally:
            _wait(answers.aclose())


_loop_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None


def _shared_loop() -> asyncio.AbstractEventLoop:
    global _loop
    with _loop_lock:
        if _loop is None:
            _loop = asyncio.new_event_loop()
            threading.Thread(target=_loop.run_forever, name="mesh-client", daemon=True).start()
        return _loop


def _wait(work: Coroutine[Any, Any, T]) -> T:
    future = asyncio.run_coroutine_threadsafe(work, _shared_loop())
    try:
        return future.result()
    except BaseException:
        # Ctrl-C reaches this thread, and the call must not go on without it.
        future.cancel()
        raise


async def _in_threads(requests: Iterable[Message]) -> AsyncIterator[Message]:
    iterator = iter(requests)
    while (request := await asyncio.to_thread(next, iterator, None)) is not None:
        yield request


async def _next(answers: Any) -> Answer[Any] | None:
    return await anext(answers, None)
