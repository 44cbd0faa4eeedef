"""`thinkimg check`: whether every tool of a running mesh answers right."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from thinkimg_rpc.cli.connection import (
    CONNECT_S,
    DEFAULT_ADDRESS,
    Address,
    TlsCa,
    TlsCert,
    TlsKey,
    check_address,
    tls_settings,
)
from thinkimg_rpc.cli.failures import MESHS_FAULT
from thinkimg_rpc.settings import token_from_environment

if TYPE_CHECKING:
    from thinkimg_rpc.check.replicas import Finding
    from thinkimg_rpc.settings import TlsSettings


def check(
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="The mesh.toml that is served: all its workers must be there."
        ),
    ] = None,
    timeout_s: Annotated[
        float,
        typer.Option(
            "--timeout", metavar="SECONDS", min=0.001, help="How long each answer may take."
        ),
    ] = 30.0,
    address: Address = DEFAULT_ADDRESS,
    tls_ca: TlsCa = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
) -> int:
    """Verify what every tool of the mesh answers, at every worker.

    Each is shown the same small chart, whose text, bars, legend and panels are
    known. "form ok" is a model's answer that is well-formed but not the one
    expected; "not checked" a tool of your own whose contract has no example
    that fits. The exit status is 0 if nothing is wrong, else 1.
    """
    from thinkimg_rpc.cli.screen import console
    from thinkimg_rpc.cli.tables import finding_table

    expected = _workers_of(config) if config else []
    tls = tls_settings(tls_ca, tls_cert, tls_key)
    screen = console()
    with screen.status("asking every tool …"):
        findings = asyncio.run(_ask(check_address(address), tls, timeout_s, expected))
    if not findings:
        print(f"the mesh at {address} has no tools yet")
        return MESHS_FAULT
    screen.print(finding_table(findings))
    bad = sum(not finding.verdict.passes for finding in findings)
    asked = sum(bool(finding.tool) for finding in findings)
    wrong = f"{bad} thing{'s' * (bad > 1)} wrong" if bad else "nothing is wrong"
    print(f"{asked} tools asked, {wrong}")
    return MESHS_FAULT if bad else 0


async def _ask(
    address: str, tls: TlsSettings | None, timeout_s: float, expected: list[str]
) -> list[Finding]:
    from thinkimg_rpc.check.replicas import absent, check_mesh
    from thinkimg_rpc.client.mesh import Mesh

    token = token_from_environment()
    async with Mesh(address, token=token, tls=tls, connect_timeout_s=CONNECT_S) as mesh:
        missing = absent(expected, mesh.workers())
        return [*missing, *await check_mesh(mesh, timeout_s=timeout_s)]


def _workers_of(config: Path) -> list[str]:
    """The ids of the workers that a mesh.toml asks for."""
    from thinkimg_rpc.serve.config import load_config

    workers = load_config(config).worker
    return [f"{worker.name}-{number}" for worker in workers for number in range(worker.replicas)]
