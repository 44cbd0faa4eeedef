"""`Mesh`: a client of a mesh of tools, asyncio first."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing
from functools import lru_cache
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from google.protobuf.message import Message

from thinkimg_rpc.channel import open_channel
from thinkimg_rpc.client.answers import Answer, Requests, answers_to
from thinkimg_rpc.client.builtin import BuiltinTools
from thinkimg_rpc.client.calls import Caller
from thinkimg_rpc.client.contracts import Contracts
from thinkimg_rpc.client.directory import Directory
from thinkimg_rpc.client.endpoint import Endpoint
from thinkimg_rpc.client.images import ClientImages
from thinkimg_rpc.contract import ToolContract
from thinkimg_rpc.errors import Unavailable
from thinkimg_rpc.settings import (
    MIB,
    LimitSettings,
    ModelSettings,
    TlsSettings,
    token_from_environment,
)
from thinkimg_rpc.v1 import AbsentWorker, Image, Worker

if TYPE_CHECKING:
    from thinkimg_rpc.tool import Tool

DEFAULT_ADDRESS = "127.0.0.1:50051"
DEFAULT_TIMEOUT_S = 60.0

Images = Mapping[str, bytes | Image]


class Mesh(BuiltinTools):
    """Calls the tools of a mesh.

        async with Mesh() as mesh:
            image = mesh.image(Path("chart.png").read_bytes())
            response = await mesh.crop(CropRequest(image=image, box=box))

    Workers are called directly; the front door is only asked who they are. A
    call is retried on another worker while its deadline stands, where the fault
    is the mesh's. One instance belongs to one event loop.

    Args:
        address: the front door's HOST:PORT, or those of several front doors of one mesh, with
            commas between them; None: $THINKIMG_ADDRESS or 127.0.0.1:50051.
        token: the mesh's token; None: $THINKIMG_TOKEN, or the file $THINKIMG_TOKEN_FILE.
        tls: certificates, for a mesh that has them.
        timeout_s: the time a call has when it names none.
        connect_timeout_s: how long to wait for a mesh that does not answer yet.
        image_memory_bytes: encoded images kept at hand to be sent to further workers.
        max_message_bytes: the largest response taken.
        use_http_proxy: obey `http_proxy`; a mesh is seldom on its other side.
    """

    def __init__(
        self,
        address: str | None = None,
        *,
        token: str | None = None,
        tls: TlsSettings | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        connect_timeout_s: float = 5.0,
        image_memory_bytes: int = 256 * MIB,
        max_message_bytes: int = 32 * MIB,
        use_http_proxy: bool = False,
    ) -> None:
        self.address = address or os.environ.get("THINKIMG_ADDRESS") or DEFAULT_ADDRESS
        self.timeout_s = timeout_s
        self._token = token_from_environment() if token is None else token
        self._tls = tls
        self._connect_timeout_s = connect_timeout_s
        self._max_message_bytes = max_message_bytes
        self._use_http_proxy = use_http_proxy
        self._images = ClientImages(image_memory_bytes)

    @staticmethod
    def local(
        tools: Sequence[type[Tool[Any, Any]]],
        *,
        workers: int = 1,
        concurrency: int = 2,
        limits: LimitSettings | None = None,
        models: ModelSettings | None = None,
    ) -> AbstractAsyncContextManager[Mesh]:
        """A mesh of its own inside this process, behind a private socket.

        The same registry, workers and client as everywhere: for notebooks,
        scripts and tests. `workers` replicas each host all of `tools`.
        """
        # Only a process that serves needs numpy and OpenCV.
        from thinkimg_rpc.client.local import local_mesh

        return local_mesh(
            tools,
            workers=workers,
            concurrency=concurrency,
            limits=limits or LimitSettings(),
            models=models or ModelSettings(),
        )

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            self._channel = self._open(self.address)
            stack.push_async_callback(self._channel.close)
            self._directory = Directory(self._channel, self._endpoint, token=self._token)
            self._contracts = Contracts(self._channel, token=self._token)
            self._caller = Caller(self._directory, self._images, token=self._token)
            try:
                await self._directory.connect(self._connect_timeout_s)
            except Unavailable as error:
                raise Unavailable(
                    f"no mesh answers at {self.address}; start one with `thinkimg serve`, "
                    "or give the address of one that runs, and TLS if it wants that"
                ) from error
            stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._directory.close()
        await self._channel.close()

    def image(self, data: bytes) -> Image:
        """Keep an encoded image at hand, and return what names it in requests.

        Its bytes go to a worker with the first call that needs them there.
        """
        return self._images.remember(data)

    def image_data(self, digest: str) -> bytes | None:
        """The encoded image of a digest, uploaded or returned by a tool, if still at hand."""
        return self._images.data(digest)

    def workers(self) -> list[Worker]:
        """The workers known right now."""
        return self._directory.workers()

    async def absent_workers(self) -> list[AbsentWorker]:
        """Workers that should serve and do not, with the reasons, as the registry was told.

        Raises: Unavailable, when the registry does not answer.
        """
        return await self._directory.absent(self._connect_timeout_s)

    async def contracts(self) -> list[ToolContract]:
        """The contracts of all the tools served right now, by name."""
        return await self._contracts.all(self.workers())

    async def contract(self, name: str) -> ToolContract:
        """The contract of one tool, by its name or an alias.

        Raises: UnknownTool, listing near names.
        """
        return await self._contracts.named(name, self.workers())

    async def build_request(
        self, name: str, arguments: Mapping[str, Any] | str, images: Images | None = None
    ) -> Message:
        """The request that JSON arguments stand for; `images` are named in them.

        Raises: UnknownTool; InvalidRequest, naming every field that is wrong.
        """
        return self._build(await self.contract(name), arguments, images)

    async def call(
        self,
        name: str,
        arguments: Mapping[str, Any] | str,
        images: Images | None = None,
        *,
        timeout_s: float | None = None,
    ) -> Message:
        """Call a tool by name with JSON arguments, also one this process has no stubs for.

        Raises: CallerError, MeshFault.
        """
        contract = await self.contract(name)
        request = self._build(contract, arguments, images)
        response: Message = await self._send(contract, request, timeout_s)
        return response

    async def call_at(
        self,
        worker: str,
        name: str,
        arguments: Mapping[str, Any] | str,
        images: Images | None = None,
        *,
        timeout_s: float | None = None,
    ) -> Message:
        """Call a tool at the worker of that id and no other, once: to try each replica.

        Raises: CallerError, MeshFault.
        """
        contract = await self.contract(name)
        request = self._build(contract, arguments, images)
        limit_s = self.timeout_s if timeout_s is None else timeout_s
        response: Message = await self._caller.call_at(worker, contract, request, limit_s)
        return response

    async def send(self, request: Message, *, timeout_s: float | None = None) -> Any:
        """Call the tool whose request this is, through its generated stub.

        Raises: CallerError, MeshFault.
        """
        return await self._send(contract_of(request), request, timeout_s)

    async def stream(
        self,
        requests: Requests,
        *,
        timeout_s: float | None = None,
        in_flight: int = 32,
    ) -> AsyncGenerator[Answer[Any]]:
        """Call tools with many requests; answers come as each is ready.

        At most `in_flight` requests are taken ahead of their answers. One request's
        failure is its own answer's error and ends nothing. `timeout_s` is each
        request's own.
        """
        asked = answers_to(
            requests,
            lambda request: self.send(request, timeout_s=timeout_s),
            in_flight=in_flight,
        )
        async with aclosing(asked) as answers:
            async for answer in answers:
                yield answer

    def _build(
        self, contract: ToolContract, arguments: Mapping[str, Any] | str, images: Images | None
    ) -> Message:
        # jsonschema takes a tenth of a second to import, and typed calls do without.
        from thinkimg_rpc.arguments import build_request

        known = {
            name: data if isinstance(data, Image) else self.image(data)
            for name, data in (images or {}).items()
        }
        return build_request(contract, arguments, known)

    async def _send(self, contract: ToolContract, request: Message, timeout_s: float | None) -> Any:
        limit_s = self.timeout_s if timeout_s is None else timeout_s
        return await self._caller.call(contract, request, limit_s)

    def _endpoint(self, worker: Worker) -> Endpoint:
        return Endpoint(worker, self._open)

    def _open(self, address: str) -> Any:
        return open_channel(
            address,
            max_message_bytes=self._max_message_bytes,
            tls=self._tls,
            use_http_proxy=self._use_http_proxy,
        )


def contract_of(request: Message) -> ToolContract:
    """The contract of the tool that takes such requests."""
    return _contract_of(request.DESCRIPTOR)


@lru_cache(maxsize=256)
def _contract_of(descriptor: Any) -> ToolContract:
    return ToolContract.from_request(descriptor)
