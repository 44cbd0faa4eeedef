"""Two network namespaces, joined by one link that can be cut."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class LinkedNamespaces:
    """`near` and `far` reach each other at these addresses while the link is up."""

    near: str
    far: str
    near_host: str = "10.231.77.1"
    far_host: str = "10.231.77.2"

    def cut(self) -> None:
        """Take the far end's link down, as if a cable were pulled."""
        _ip("-n", self.far, "link", "set", "far", "down")

    def mend(self) -> None:
        _ip("-n", self.far, "link", "set", "far", "up")


def why_not() -> str:
    """Why namespaces cannot be made here; empty if they can."""
    if shutil.which("ip") is None:
        return "network namespaces need iproute2"
    if os.geteuid() != 0:
        return "network namespaces need root"
    probe = f"thinkimg-probe-{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", probe], capture_output=True, text=True)
    if made.returncode != 0:
        return f"network namespaces are not allowed here: {made.stderr.strip()}"
    _ip("netns", "del", probe)
    return ""


@contextmanager
def linked_namespaces() -> Iterator[LinkedNamespaces]:
    pair = LinkedNamespaces(f"thinkimg-near-{os.getpid()}", f"thinkimg-far-{os.getpid()}")
    try:
        for name in (pair.near, pair.far):
            _ip("netns", "add", name)
            _ip("-n", name, "link", "set", "lo", "up")
        _ip(*f"-n {pair.near} link add near type veth peer name far netns {pair.far}".split())
        for name, device, host in (
            (pair.near, "near", pair.near_host),
            (pair.far, "far", pair.far_host),
        ):
            _ip("-n", name, "addr", "add", f"{host}/24", "dev", device)
            _ip("-n", name, "link", "set", device, "up")
        yield pair
    finally:
        for name in (pair.near, pair.far):
            # Whatever was not made needs no removing.
            subprocess.run(["ip", "netns", "del", name], capture_output=True)


def inside(namespace: str, *command: str) -> list[str]:
    """The command that runs `command` in a namespace."""
    return ["ip", "netns", "exec", namespace, *command]


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


@dataclass(frozen=True)
class Hosts:
    """Namespaces that stand for machines on one network, which this process is on as well."""

    names: tuple[str, ...]
    bridge: str
    network: str = "10.231.79"

    def address(self, number: int) -> str:
        """Of the machine of that number, counted from 0."""
        return f"{self.network}.{number + 1}"

    def cut(self, number: int) -> None:
        """Take a machine off the network, as if its cable were pulled."""
        _ip("-n", self.names[number], "link", "set", "eth0", "down")


@contextmanager
def hosts(count: int) -> Iterator[Hosts]:
    pid = os.getpid()
    made = Hosts(tuple(f"thinkimg-host{n}-{pid}" for n in range(count)), f"tb{pid}")
    try:
        _ip("link", "add", made.bridge, "type", "bridge")
        _ip("addr", "add", f"{made.network}.254/24", "dev", made.bridge)
        _ip("link", "set", made.bridge, "up")
        for number, name in enumerate(made.names):
            port = f"tp{number}-{pid}"
            _ip("netns", "add", name)
            _ip("-n", name, "link", "set", "lo", "up")
            _ip(*f"link add {port} type veth peer name eth0 netns {name}".split())
            _ip("link", "set", port, "master", made.bridge, "up")
            _ip("-n", name, "addr", "add", f"{made.address(number)}/24", "dev", "eth0")
            _ip("-n", name, "link", "set", "eth0", "up")
        yield made
    finally:
        for name in made.names:
            subprocess.run(["ip", "netns", "del", name], capture_output=True)
        subprocess.run(["ip", "link", "del", made.bridge], capture_output=True)
