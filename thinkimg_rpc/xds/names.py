"""The kinds of resources that gRPC clients ask for, and the names that are not tools'."""

from __future__ import annotations

_PREFIX = "type.googleapis.com/envoy.config"

LISTENER = f"{_PREFIX}.listener.v3.Listener"
ROUTE = f"{_PREFIX}.route.v3.RouteConfiguration"
CLUSTER = f"{_PREFIX}.cluster.v3.Cluster"
ENDPOINTS = f"{_PREFIX}.endpoint.v3.ClusterLoadAssignment"
TYPE_URLS = (CLUSTER, ENDPOINTS, LISTENER, ROUTE)
"""In the order in which a change of all should be told."""

NO_TOOL = "thinkimg:no-such-tool"
"""The cluster of every name that is no tool's. No tool can be called so."""
CERTIFICATES = "thinkimg"
"""What the bootstrap file calls the client's certificates."""
