"""How this machine is reached from others."""

from __future__ import annotations

import platform
import socket

from thinkimg_rpc.settings import CannotStart, is_loopback


def local_host(towards: str) -> str:
    """This machine's address on the way to HOST:PORT `towards`; nothing is sent.

    Of several with commas between them, the first is taken.

    Raises: CannotStart, when there is no such host or no way to it.
    """
    towards = towards.partition(",")[0]
    if is_loopback(towards):
        return "127.0.0.1"
    host, _, port = towards.rpartition(":")
    try:
        family, kind, _, _, address = socket.getaddrinfo(
            host.strip("[]"), int(port), type=socket.SOCK_DGRAM
        )[0]
        with socket.socket(family, kind) as probe:
            probe.connect(address)
            found = str(probe.getsockname()[0])
    except OSError as error:
        raise CannotStart(
            f"cannot tell how this machine is reached from {host} ({error.strerror}); "
            "check the address, or set advertise_host in [mesh]"
        ) from error
    return f"[{found}]" if ":" in found else found


def host_name() -> str:
    """This machine's name, as fully as it is known."""
    full = socket.getfqdn()
    # What a machine calls itself that nobody has told its own name.
    return platform.node() if full.startswith("localhost") else full
