"""What the doctor says of the machine itself."""

from __future__ import annotations

import os
import platform
import socket
from collections.abc import Iterator
from importlib import metadata

from thinkimg_rpc.errors import Unauthenticated, Unavailable
from thinkimg_rpc.serve.config import MeshConfig, read_token
from thinkimg_rpc.serve.plan import dialable
from thinkimg_rpc.settings import CannotStart, check_address
from thinkimg_workers.weights import hub_cache, weights_folder

OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
CONNECT_S = 1.0


def machine_lines() -> Iterator[str]:
    """The program, the machine, and where weights come from."""
    thinkimg = metadata.version("thinkimg-rpc")
    yield f"thinkimg-rpc {thinkimg}, Python {platform.python_version()}, {platform.system()}"
    yield f"machine: {len(os.sched_getaffinity(0))} CPU cores, {_memory()}"
    yield f"weights: in {weights_folder()} or {hub_cache()}; `thinkimg weights` lists them"
    offline = [name for name in OFFLINE if os.environ.get(name)]
    told = f"{' and '.join(offline)} set" if offline else f"{' and '.join(OFFLINE)} not set"
    yield f"network: workers never fetch weights ({told})"


def address_line(config: MeshConfig) -> str:
    """Whether the mesh could listen where it is told to.

    Raises: CannotStart, when it could not.
    """
    address = config.mesh.address
    check_address(address, config.tls, insecure=config.mesh.insecure)
    host, _, port = address.rpartition(":")
    if port == "0":
        return "at a free port"
    try:
        with socket.create_server((host.strip("[]"), int(port)), family=_family(host)):
            return f"{address} is free"
    except OSError as error:
        if _answers(address, config):
            return f"and a mesh is being served at {address}: `thinkimg check` asks its tools"
        raise CannotStart(
            f"cannot listen on {address} ({error.strerror}); stop what is using it or choose "
            "another address in [mesh]"
        ) from error


def _answers(address: str, config: MeshConfig) -> bool:
    """Whether a mesh is there."""
    # Imported here: it is seldom needed, and `thinkimg --help` must not wait for gRPC.
    from thinkimg_rpc.client import SyncMesh

    dialled = dialable(address)
    try:
        with SyncMesh(
            dialled, token=read_token(config), tls=config.tls, connect_timeout_s=CONNECT_S
        ):
            return True
    except Unauthenticated:
        return True
    except Unavailable:
        return False


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _memory() -> str:
    pages, free = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_AVPHYS_PAGES")
    size = os.sysconf("SC_PAGE_SIZE")
    return f"{pages * size / 2**30:.0f} GiB of memory, {free * size / 2**30:.0f} GiB free"
