"""What one client wants to know of one kind of resource, and what it has been told."""

from __future__ import annotations

import hashlib
import logging
from typing import Any

from envoy.service.discovery.v3 import discovery_pb2

from thinkimg_rpc.xds.resources import Resources

logger = logging.getLogger(__name__)

ALL = "*"


class Subscription:
    """One kind of resource on one stream, in the state-of-the-world variant of xDS."""

    def __init__(self, type_url: str) -> None:
        self._type_url = type_url
        self._names: set[str] | None = None
        """None before the first request."""
        self._told: dict[str, bytes] | None = None
        """Name -> resource, as last sent; None: nothing has been sent."""
        self._nonce = 0

    def hear(self, request: Any) -> None:
        """Take a request: the first one, other names, a thank you, or a refusal."""
        if request.response_nonce != self._last_nonce():
            # The answer to an older response; the one to the last is yet to come.
            return
        if request.HasField("error_detail"):
            logger.error(
                "xds_refused",
                extra={
                    "client": request.node.user_agent_name or request.node.id,
                    "type": self._type_url,
                    "version": request.version_info,
                    "reason": request.error_detail.message,
                },
            )
        names = set(request.resource_names)
        if self._names is None and not names:
            names = {ALL}
        self._names = names
        if self._told is not None and ALL not in names:
            # What is asked for again later must be told again.
            self._told = {name: raw for name, raw in self._told.items() if name in names}

    def due(self, resources: Resources) -> Any | None:
        """The response that the client should get now; None if it knows all."""
        wanted = self._wanted(resources)
        if not wanted or wanted == self._told:
            return None
        self._told = wanted
        self._nonce += 1
        response = discovery_pb2.DiscoveryResponse(
            type_url=self._type_url,
            nonce=self._last_nonce(),
            version_info=_digest(wanted),
        )
        for raw in wanted.values():
            response.resources.add().MergeFromString(raw)
        return response

    def _wanted(self, resources: Resources) -> dict[str, bytes]:
        names = self._names or set()
        if ALL in names:
            names = resources.names(self._type_url) | names - {ALL}
        found = {name: resources.find(self._type_url, name) for name in sorted(names)}
        # What cannot be told yet stays as it was: a name left out would be one forgotten.
        told = self._told or {}
        kept = {name: told.get(name) for name, one in found.items() if one is None}
        return {
            name: raw
            for name, one in found.items()
            if (raw := one.SerializeToString() if one is not None else kept[name]) is not None
        }

    def _last_nonce(self) -> str:
        return str(self._nonce) if self._nonce else ""


def _digest(wanted: dict[str, bytes]) -> str:
    """Equal for equal contents, also after a restart of the hub."""
    digest = hashlib.sha256()
    for name, raw in wanted.items():
        digest.update(f"{len(name)} {len(raw)} {name}".encode() + raw)
    return digest.hexdigest()[:16]
