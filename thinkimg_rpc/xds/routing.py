"""The resources that lead from a name to a cluster of workers.

Only what gRPC's clients read is set: gRFC A27 and A28 (routing), A32 (circuit breakers),
A44 (retries) and A29 (certificates).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.core.v3 import config_source_pb2
from envoy.config.listener.v3 import listener_pb2
from envoy.config.route.v3 import route_pb2
from envoy.extensions.filters.http.router.v3 import router_pb2
from envoy.extensions.filters.network.http_connection_manager.v3 import (
    http_connection_manager_pb2,
)
from envoy.extensions.transport_sockets.tls.v3 import tls_pb2

from thinkimg_rpc.xds.names import CERTIFICATES

RETRY_ON = "unavailable,internal,resource-exhausted,cancelled"
"""The mesh's own faults, as for `Mesh`. A worker that stops cuts off what still comes in: to
grpc-js that is one of the last three. What the client itself cancels is never tried again."""
RETRIES = 3
"""After the first attempt. Only what no worker has begun to answer is tried again."""
NO_CIRCUIT_BREAKER = 1 << 30
"""Calls in flight. A client would otherwise fail those above 1024 by itself, and workers
bound their queues on their own."""

_ADS = config_source_pb2.ConfigSource(ads={}, resource_api_version=config_source_pb2.ApiVersion.V3)


@dataclass(frozen=True)
class Trust:
    """What a client must see of a worker's certificate, and show of its own."""

    hosts: frozenset[str]
    """The certificate must be issued to one of these names and addresses."""
    mutual: bool
    """The client shows its own certificate."""
    fixed: bool = False
    """`hosts` is the one name of all certificates; else those of the workers come to it."""


def listener(name: str) -> Any:
    """What `xds:///NAME` asks for first: it points to the routes of the same name."""
    manager = http_connection_manager_pb2.HttpConnectionManager()
    manager.rds.config_source.CopyFrom(_ADS)
    manager.rds.route_config_name = name
    router = manager.http_filters.add(name="router")
    router.typed_config.Pack(router_pb2.Router())
    found = listener_pb2.Listener(name=name)
    found.api_listener.api_listener.Pack(manager)
    return found


def route(name: str, cluster: str) -> Any:
    """All calls of a channel go to one cluster, and are tried again where a worker is lost."""
    found = route_pb2.RouteConfiguration(name=name)
    host = found.virtual_hosts.add(name=name, domains=["*"])
    only = host.routes.add()
    only.match.prefix = ""
    only.route.cluster = cluster
    retries = only.route.retry_policy
    retries.retry_on = RETRY_ON
    retries.num_retries.value = RETRIES
    retries.retry_back_off.base_interval.FromMilliseconds(50)
    retries.retry_back_off.max_interval.FromMilliseconds(1000)
    return found


def cluster(name: str, trust: Trust | None) -> Any:
    """Workers that take turns; `trust` for those that speak TLS."""
    found = cluster_pb2.Cluster(name=name, type=cluster_pb2.Cluster.EDS)
    found.eds_cluster_config.eds_config.CopyFrom(_ADS)
    found.lb_policy = cluster_pb2.Cluster.ROUND_ROBIN
    found.circuit_breakers.thresholds.add().max_requests.value = NO_CIRCUIT_BREAKER
    if trust is not None:
        found.transport_socket.name = "envoy.transport_sockets.tls"
        found.transport_socket.typed_config.Pack(_tls(trust))
    return found


def _tls(trust: Trust) -> Any:
    context = tls_pb2.UpstreamTlsContext()
    common = context.common_tls_context
    validation = common.combined_validation_context.default_validation_context
    validation.ca_certificate_provider_instance.instance_name = CERTIFICATES
    for host in sorted(trust.hosts):
        validation.match_subject_alt_names.add(exact=host)
    if trust.mutual:
        common.tls_certificate_provider_instance.instance_name = CERTIFICATES
    return context
