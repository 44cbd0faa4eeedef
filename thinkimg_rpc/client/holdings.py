"""Which workers hold which images, as far as this client knows."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from thinkimg_rpc.client.endpoint import Endpoint

MAX_DIGESTS = 65_536
_NONE: Mapping[str, Endpoint] = MappingProxyType({})


class Holdings:
    """Digest -> the workers that have it, by id. It may be wrong: workers evict silently."""

    def __init__(self) -> None:
        self._holders: OrderedDict[str, dict[str, Endpoint]] = OrderedDict()

    def of(self, digest: str) -> Mapping[str, Endpoint]:
        return self._holders.get(digest, _NONE)

    def has(self, digest: str, endpoint: Endpoint) -> bool:
        """Whether this very process has it: a restarted worker keeps its id and nothing else."""
        return self.of(digest).get(endpoint.id) is endpoint

    def note(self, digest: str, endpoint: Endpoint) -> None:
        self._holders.setdefault(digest, {})[endpoint.id] = endpoint
        self._holders.move_to_end(digest)
        if len(self._holders) > MAX_DIGESTS:
            self._holders.popitem(last=False)

    def lost(self, digest: str, endpoint: Endpoint) -> None:
        """A worker does not hold the image after all, or is gone."""
        holders = self._holders.get(digest)
        if holders is not None and holders.get(endpoint.id) is endpoint:
            del holders[endpoint.id]
