"""`thinkimg certs`: an authority of one's own, and certificates that it has signed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

_NAME = re.compile(r"[\w.-]+")


def certs(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER",
            help="Where the authority is, or is made: ca.crt, and ca.key, which signs.",
        ),
    ],
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME[=HOST,HOST...]",
            help="A machine or a client, and the names and addresses at which others reach "
            "what it serves; localhost and 127.0.0.1 if left out.",
        ),
    ],
    days: Annotated[
        float,
        typer.Option(metavar="DAYS", min=0.001, help="How long the certificates are valid."),
    ] = 90.0,
) -> None:
    """Make certificates with which the machines of a mesh know each other.

    Each NAME gets a folder of that name with ca.crt, tls.crt and tls.key: copy it to
    its machine, and write `folder = "..."` into [tls] of its mesh.toml. Made again,
    they are renewed, and processes that run take up the new ones.

    thinkimg certs secure hub=10.0.0.1,mesh.example.org gpu1=10.0.0.2 ann
    """
    from thinkimg_rpc.certificates import LOOPBACK, issue, open_authority

    wanted = [_parse(name) for name in names]
    is_new = not (folder / "ca.crt").exists()
    authority = open_authority(folder)
    if is_new:
        print(f"{folder}/ca.key signs for the whole mesh: keep it off the machines that serve")
    for name, hosts in wanted:
        certificate = issue(authority, folder / name, name, hosts or LOOPBACK, days=days)
        until = certificate.not_valid_after_utc
        print(f"{folder / name}: {', '.join(hosts or LOOPBACK)}, until {until:%Y-%m-%d %H:%M} UTC")


def _parse(text: str) -> tuple[str, tuple[str, ...]]:
    """ "gpu1=10.0.0.2,gpu1.example.org" as the name and the hosts."""
    name, _, hosts = text.partition("=")
    if not _NAME.fullmatch(name) or name.strip(".") == "":
        raise typer.BadParameter(f'"{text}" is not NAME or NAME=HOST,HOST', param_hint="NAME")
    found = tuple(host.strip() for host in hosts.split(",") if host.strip())
    for host in found:
        if not host.isascii() or " " in host or "/" in host:
            raise typer.BadParameter(f'"{host}" is no host name or address', param_hint="NAME")
    return name, found
