"""Where leases are kept beside the registry's own memory, so that several registries share them."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol
from urllib.parse import unquote

from thinkimg_rpc.settings import CannotStart, TlsSettings

if TYPE_CHECKING:
    from thinkimg_rpc.hub.leases import LeaseTable

DEFAULT_NAME = "mesh"
_URL = re.compile(
    r"(?P<scheme>etcds?)://((?P<user>[^:@/]+):(?P<password>[^@/]+)@)?"
    r"(?P<endpoints>[^@/]+)(/(?P<name>[\w.-]+))?/?"
)
_ENDPOINT = re.compile(r"[^:\s]+:\d{1,5}|\[[0-9a-fA-F:]+\]:\d{1,5}")


class LeaseStore(Protocol):
    """Leases outside this process, which other registries read and write as well.

    The table answers everybody, at the speed of memory; a store only keeps it
    alike with the tables of the other registries.
    """

    loaded: asyncio.Event
    """Set once the table knows of the leases that were in the store."""

    async def share(self, table: LeaseTable) -> None:
        """Tell the store of our workers, and the table of others', until cancelled.

        A store that is away costs nothing but that: what the table knows stays.
        """


@dataclass(frozen=True)
class StoreUrl:
    """`etcd://USER:PASSWORD@HOST:PORT,HOST:PORT/NAME`; `etcds` for TLS."""

    endpoints: tuple[str, ...]
    name: str
    """Of the mesh: several may keep their leases in one etcd."""
    tls: bool
    user: str = ""
    password: str = ""


def parse_store_url(url: str) -> StoreUrl:
    """What a `store` says. Raises: CannotStart, naming the remedy."""
    found = _URL.fullmatch(url)
    endpoints = tuple(found["endpoints"].split(",")) if found else ()
    if found is None or not all(_ENDPOINT.fullmatch(endpoint) for endpoint in endpoints):
        raise CannotStart(
            'not a store; write "etcd://HOST:PORT" or "etcd://HOST:PORT,HOST:PORT/NAME", '
            'with "etcds" for TLS, and USER:PASSWORD@ before the hosts if etcd asks for it'
        )
    return StoreUrl(
        endpoints,
        found["name"] or DEFAULT_NAME,
        found["scheme"] == "etcds",
        unquote(found["user"] or ""),
        unquote(found["password"] or ""),
    )


def open_store(url: str, tls: TlsSettings | None) -> LeaseStore | None:
    """The store of that URL; None for "": leases live in this process's memory alone.

    Raises: CannotStart.
    """
    if not url:
        return None
    # Most meshes have no etcd, and do not need its stubs.
    from thinkimg_rpc.hub.etcd_store import EtcdStore

    parsed = parse_store_url(url)
    if parsed.tls and (tls is None or not tls.ca):
        raise CannotStart(
            "[mesh] store: etcds needs ca in [tls], the authority that signed etcd's certificate"
        )
    return EtcdStore(parsed, tls if parsed.tls else None)
