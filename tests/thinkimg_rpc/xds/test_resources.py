"""What clients are told of a mesh."""

from __future__ import annotations

from typing import Any

import pytest
from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.core.v3 import health_check_pb2 as health
from envoy.config.endpoint.v3 import endpoint_pb2
from envoy.config.listener.v3 import listener_pb2
from envoy.config.route.v3 import route_pb2
from envoy.extensions.transport_sockets.tls.v3 import tls_pb2

from thinkimg_rpc.v1 import HostedTool, Worker, WorkerState
from thinkimg_rpc.xds.names import CLUSTER, ENDPOINTS, LISTENER, NO_TOOL, ROUTE
from thinkimg_rpc.xds.resources import Resources, tool_names
from thinkimg_rpc.xds.routing import RETRY_ON, Trust

KINDS = {
    LISTENER: listener_pb2.Listener,
    ROUTE: route_pb2.RouteConfiguration,
    CLUSTER: cluster_pb2.Cluster,
    ENDPOINTS: endpoint_pb2.ClusterLoadAssignment,
}
ECHO = HostedTool(name="Echo", aliases=["say"])
SERVING = WorkerState.WORKER_STATE_SERVING
STALLED = WorkerState.WORKER_STATE_STALLED
DRAINING = WorkerState.WORKER_STATE_DRAINING


def worker(number: int, state: Any = SERVING, **fields: Any) -> Worker:
    defaults = {"address": f"127.0.0.1:{number}", "hostname": "here", "concurrency": 2}
    return Worker(id=f"echo-{number}", state=state, tools=[ECHO], **{**defaults, **fields})


def resources(*workers: Worker, **fields: Any) -> Resources:
    addresses = {one.address: ("127.0.0.1", int(one.address[-1])) for one in workers}
    addresses["127.0.0.1:9"] = ("127.0.0.1", 9)
    names = tool_names(workers)
    return Resources(
        nowhere="127.0.0.1:9", workers=workers, addresses=addresses, tools=names, **fields
    )


def found(mesh: Resources, type_url: str, name: str) -> Any:
    packed = mesh.find(type_url, name)
    assert packed is not None
    message = KINDS[type_url]()
    assert packed.Unpack(message)
    return message


def endpoints(mesh: Resources, name: str = "Echo") -> dict[int, int]:
    """Port -> health, of all endpoints of a cluster."""
    return {
        one.endpoint.address.socket_address.port_value: one.health_status
        for locality in found(mesh, ENDPOINTS, name).endpoints
        for one in locality.lb_endpoints
    }


def test_a_name_leads_over_route_and_cluster_to_the_workers() -> None:
    mesh = resources(worker(1), worker(2))
    assert found(mesh, LISTENER, "Echo").name == "Echo"
    (host,) = found(mesh, ROUTE, "Echo").virtual_hosts
    (found_route,) = host.routes
    assert found_route.route.cluster == "Echo"
    assert found_route.route.retry_policy.retry_on == RETRY_ON
    assert found(mesh, CLUSTER, "Echo").type == cluster_pb2.Cluster.EDS
    assert endpoints(mesh) == {1: health.HEALTHY, 2: health.HEALTHY}


def test_an_alias_leads_to_the_tool() -> None:
    (host,) = found(resources(worker(1)), ROUTE, "say").virtual_hosts
    assert host.routes[0].route.cluster == "Echo"


def test_an_alias_that_is_another_tools_name_is_that_tools() -> None:
    tools = [HostedTool(name="A", aliases=["B"]), HostedTool(name="B", aliases=["c"])]
    assert tool_names((Worker(tools=tools),)) == {"A": "A", "B": "B", "c": "B"}


def test_a_draining_worker_is_taken_out_and_a_stalled_one_if_there_is_another() -> None:
    mesh = resources(worker(1, DRAINING), worker(2, STALLED), worker(3))
    assert endpoints(mesh) == {1: health.DRAINING, 2: health.UNHEALTHY, 3: health.HEALTHY}
    assert endpoints(resources(worker(2, STALLED))) == {2: health.HEALTHY}


def test_machines_share_calls_by_what_their_workers_can_run_at_once() -> None:
    mesh = resources(worker(1), worker(2, concurrency=4), worker(3, hostname="there"))
    localities = found(mesh, ENDPOINTS, "Echo").endpoints
    weights = {one.locality.sub_zone: one.load_balancing_weight.value for one in localities}
    assert weights == {"here": 6, "there": 2}


def test_an_address_is_told_once_though_two_leases_have_it() -> None:
    early, late = worker(1), worker(1, DRAINING)
    early.id = "old-0"
    late.registered_at.FromSeconds(1)
    assert endpoints(resources(late, early)) == {1: health.DRAINING}


def test_a_worker_whose_address_is_not_known_is_left_out() -> None:
    mesh = Resources(nowhere="127.0.0.1:9", workers=(worker(1),), tools={"Echo": "Echo"})
    assert endpoints(mesh) == {}


def test_a_name_that_is_no_tools_leads_to_who_refuses_all_calls() -> None:
    mesh = resources(worker(1))
    (host,) = found(mesh, ROUTE, "Nope").virtual_hosts
    assert host.routes[0].route.cluster == NO_TOOL
    assert endpoints(mesh, NO_TOOL) == {9: health.HEALTHY}


@pytest.mark.parametrize("type_url", [ROUTE, ENDPOINTS])
def test_nothing_is_said_of_a_tool_that_may_still_come_back(type_url: str) -> None:
    mesh = resources(worker(1), complete=False)
    assert mesh.find(type_url, "Nope") is None
    assert mesh.find(type_url, "Echo") is not None


def test_a_mesh_with_tls_says_whose_certificates_are_right() -> None:
    trust = Trust(frozenset({"127.0.0.1", "gpu-1"}), mutual=True)
    cluster = found(resources(worker(1), trust=trust), CLUSTER, "Echo")
    tls = tls_pb2.UpstreamTlsContext()
    assert cluster.transport_socket.typed_config.Unpack(tls)
    names = (
        tls.common_tls_context.combined_validation_context.default_validation_context
    ).match_subject_alt_names
    assert [name.exact for name in names] == ["127.0.0.1", "gpu-1"]
    assert tls.common_tls_context.HasField("tls_certificate_provider_instance")
