"""Contracts of the tools in a mesh, learned from it by reflection."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import grpc.aio
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest
from grpc_reflection.v1alpha.reflection_pb2_grpc import ServerReflectionStub

from thinkimg_rpc.channel import call_metadata
from thinkimg_rpc.contract import ToolContract, load_contracts, resolve, unknown_tool
from thinkimg_rpc.errors import Unavailable
from thinkimg_rpc.status import from_rpc_error
from thinkimg_rpc.v1 import HostedTool, Worker

FETCH_S = 10.0
RETRY_FOR_S = 5.0
"""A front door that has just died comes back, or another is asked, within this time."""
PAUSE_S = 0.1


class Contracts:
    """Fetched from the front door once each, and again when a tool has changed hands."""

    def __init__(self, front_door: grpc.aio.Channel, *, token: str) -> None:
        self._reflection: Any = ServerReflectionStub(front_door)
        self._metadata = call_metadata(token)
        self._known: dict[tuple[str, str], ToolContract] = {}
        self._used: dict[str, HostedTool] = {}

    async def all(self, workers: list[Worker]) -> list[ToolContract]:
        """The contracts of every tool that these workers host, by name."""
        hosted = _hosted(workers)
        return [await self._contract(hosted[name]) for name in sorted(hosted)]

    async def named(self, name: str, workers: list[Worker]) -> ToolContract:
        """The contract of the tool that has this name or alias.

        Raises: UnknownTool, listing near names; Unavailable, while no tool is served.
        """
        hosted = _hosted(workers)
        # A tool that was here is away for a moment, and the call can wait for it.
        for tool in (self._used | hosted).values():
            if name == tool.name or name in tool.aliases:
                self._used[tool.name] = tool
                return await self._contract(tool)
        if not hosted:
            raise Unavailable(f'no tool named "{name[:80]}": no worker serves any tool right now')
        raise unknown_tool(name, hosted)

    async def _contract(self, tool: HostedTool) -> ToolContract:
        key = (tool.method, tool.version)
        if key not in self._known:
            service = tool.method.strip("/").rpartition("/")[0]
            files = await self._files_through_restarts(service)
            self._known[key] = resolve(tool.name, load_contracts(files))
        return self._known[key]

    async def _files_through_restarts(self, symbol: str) -> FileDescriptorSet:
        end = time.monotonic() + RETRY_FOR_S
        while True:
            try:
                return await self._files(symbol)
            except Unavailable:
                if time.monotonic() > end:
                    raise
            await asyncio.sleep(PAUSE_S)

    async def _files(self, symbol: str) -> FileDescriptorSet:
        """The file that defines a symbol, and all it imports."""
        call = self._reflection.ServerReflectionInfo(timeout=FETCH_S, metadata=self._metadata)
        try:
            await call.write(ServerReflectionRequest(file_containing_symbol=symbol))
            answer = await call.read()
        except grpc.aio.AioRpcError as failure:
            raise from_rpc_error(failure) from failure
        finally:
            call.cancel()
        if not answer or answer.HasField("error_response"):
            raise Unavailable(f"the front door has no descriptors of {symbol} right now")
        raw = answer.file_descriptor_response.file_descriptor_proto
        return FileDescriptorSet(file=[FileDescriptorProto.FromString(file) for file in raw])


def _hosted(workers: list[Worker]) -> dict[str, HostedTool]:
    return {tool.name: tool for worker in workers for tool in worker.tools}
