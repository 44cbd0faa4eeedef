"""The mesh at one moment, in the terms of xDS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from google.protobuf.any_pb2 import Any
from google.protobuf.message import Message

from thinkimg_rpc.v1 import Worker, WorkerState
from thinkimg_rpc.xds.endpoints import Addresses, load_assignment
from thinkimg_rpc.xds.names import CLUSTER, ENDPOINTS, LISTENER, NO_TOOL, ROUTE
from thinkimg_rpc.xds.routing import Trust, cluster, listener, route


@dataclass(frozen=True, kw_only=True)
class Resources:
    """Every resource that a client may ask for.

    There is one of every name, so that nobody waits for what will not come: a name that is no
    tool's leads to `nowhere`, where calls fail at once and are told why.
    """

    nowhere: str
    """HOST:PORT of a server that refuses every call."""
    trust: Trust | None = None
    workers: tuple[Worker, ...] = ()
    addresses: Addresses = field(default_factory=dict)
    tools: Mapping[str, str] = field(default_factory=dict)
    """Name or alias -> the tool's name, also of tools whose workers are all gone."""
    complete: bool = True
    """Whether all workers have had the time to register. Until then nothing is said of
    tools that are not known yet: a client may know them, and must not forget them."""

    def find(self, type_url: str, name: str) -> Any | None:
        """The resource of that name; None where it is too early to tell."""
        known = name in self.tools
        found: Message
        if type_url == LISTENER:
            found = listener(name)
        elif type_url == CLUSTER:
            found = cluster(name, self.trust)
        elif name == NO_TOOL and type_url == ENDPOINTS:
            refusing = Worker(address=self.nowhere, state=WorkerState.WORKER_STATE_SERVING)
            found = load_assignment(name, [refusing], self.addresses)
        elif not known and not self.complete:
            return None
        elif type_url == ROUTE:
            found = route(name, self.tools.get(name, NO_TOOL))
        else:
            hosts = [worker for worker in self.workers if _hosts(worker, name)]
            found = load_assignment(name, hosts, self.addresses)
        packed = Any()
        packed.Pack(found, deterministic=True)
        return packed

    def names(self, type_url: str) -> set[str]:
        """Those told to a client that asks for all: Envoy does, gRPC does not."""
        return {
            LISTENER: set(self.tools),
            CLUSTER: set(self.tools.values()),
        }.get(type_url, set())


def tool_names(workers: tuple[Worker, ...]) -> dict[str, str]:
    """The names and aliases of all tools -> the name of the tool's cluster."""
    found: dict[str, str] = {}
    for worker in workers:
        for tool in worker.tools:
            # An alias that is another tool's name is that tool's.
            found.update({alias: found.get(alias, tool.name) for alias in tool.aliases})
    for worker in workers:
        found.update({tool.name: tool.name for tool in worker.tools})
    return found


def _hosts(worker: Worker, name: str) -> bool:
    return any(tool.name == name for tool in worker.tools)
