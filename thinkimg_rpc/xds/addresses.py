"""From the addresses that workers give to the IP addresses that xDS wants."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
from collections.abc import Iterable

logger = logging.getLogger(__name__)

LOOKUP_S = 2.0


class AddressBook:
    """Looks host names up once, and again while one is not found."""

    def __init__(self) -> None:
        self._found: dict[str, str] = {}
        self._missed: set[str] = set()

    async def look_up(self, addresses: Iterable[str]) -> dict[str, tuple[str, int]]:
        """HOST:PORT -> its IP address and port; what cannot be dialled so is left out."""
        wanted = {address for address in addresses if not address.startswith("unix:")}
        hosts = {host_of(address) for address in wanted}
        self._missed &= hosts
        # A name whose last worker has left may be another machine's when it comes back.
        self._found = {host: ip for host, ip in self._found.items() if host in hosts}
        await asyncio.gather(*(self._look_up(host) for host in hosts - self._found.keys()))
        return {
            address: (ip, int(address.rpartition(":")[2]))
            for address in wanted
            if (ip := self._found.get(host_of(address))) is not None
        }

    @property
    def missed(self) -> bool:
        """Whether a host name was not found the last time."""
        return bool(self._missed)

    async def _look_up(self, host: str) -> None:
        try:
            self._found[host] = str(ipaddress.ip_address(host))
            return
        except ValueError:
            # Not an address, so a name.
            pass
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(LOOKUP_S):
                found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            if host not in self._missed:
                logger.error("host_not_found", extra={"host": host, "reason": str(error)})
            self._missed.add(host)
            return
        self._missed.discard(host)
        self._found[host] = str(found[0][4][0])


def host_of(address: str) -> str:
    """The host of HOST:PORT, without the brackets of IPv6."""
    return address.rpartition(":")[0].strip("[]")
