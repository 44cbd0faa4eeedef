"""Where a tool's workers are, and which of them are to be called."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from envoy.config.core.v3 import health_check_pb2
from envoy.config.endpoint.v3 import endpoint_pb2

from thinkimg_rpc.v1 import Worker, WorkerState

Addresses = Mapping[str, tuple[str, int]]
"""HOST:PORT of a worker -> the IP address and port to dial; clients resolve no names."""


def load_assignment(cluster: str, workers: Iterable[Worker], addresses: Addresses) -> Any:
    """The endpoints of a cluster, one locality for each machine.

    A locality gets calls by the calls that its workers can run at once. A draining worker is
    told, and gets none; a stalled one only if there is no other.
    """
    assignment = endpoint_pb2.ClusterLoadAssignment(cluster_name=cluster)
    present = _one_for_each_address(workers, addresses)
    serving = any(worker.state == WorkerState.WORKER_STATE_SERVING for worker in present)
    for machine in sorted({worker.hostname for worker in present}):
        locality = assignment.endpoints.add()
        locality.locality.sub_zone = machine
        for worker in present:
            if worker.hostname == machine:
                _add_endpoint(locality, worker, addresses[worker.address], others=serving)
    return assignment


def _one_for_each_address(workers: Iterable[Worker], addresses: Addresses) -> list[Worker]:
    """Clients refuse a list that has an address twice, as it may be for the moment in which
    one worker's port has become another's: the later is right."""
    found: dict[tuple[str, int], Worker] = {}
    for worker in sorted(workers, key=lambda worker: worker.registered_at.ToNanoseconds()):
        if worker.address in addresses:
            found[addresses[worker.address]] = worker
    return sorted(found.values(), key=lambda worker: worker.id)


def _add_endpoint(locality: Any, worker: Worker, address: tuple[str, int], *, others: bool) -> None:
    host, port = address
    capacity = max(1, worker.concurrency)
    endpoint = locality.lb_endpoints.add(health_status=_health(worker, others=others))
    endpoint.load_balancing_weight.value = capacity
    endpoint.endpoint.address.socket_address.address = host
    endpoint.endpoint.address.socket_address.port_value = port
    locality.load_balancing_weight.value += capacity


def _health(worker: Worker, *, others: bool) -> int:
    health = health_check_pb2
    if worker.state == WorkerState.WORKER_STATE_DRAINING:
        return int(health.DRAINING)
    if worker.state == WorkerState.WORKER_STATE_STALLED and others:
        return int(health.UNHEALTHY)
    return int(health.HEALTHY)
