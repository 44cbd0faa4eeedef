"""`thinkimg status`: how the workers of the mesh are doing."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from thinkimg_rpc.cli.connection import (
    DEFAULT_ADDRESS,
    Address,
    TlsCa,
    TlsCert,
    TlsKey,
    open_mesh,
    tls_settings,
)
from thinkimg_rpc.errors import DeadlineExceeded, Unavailable

if TYPE_CHECKING:
    from rich.console import RenderableType

    from thinkimg_rpc.client import SyncMesh
    from thinkimg_rpc.v1 import AbsentWorker

REFRESH_S = 1.0


def status(
    watch: Annotated[
        bool, typer.Option("--watch", help="Keep showing it as it changes, until Ctrl-C.")
    ] = False,
    address: Address = DEFAULT_ADDRESS,
    tls_ca: TlsCa = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
) -> None:
    """Show how each worker of the mesh is doing.

    Where it is, its load, the calls it has answered since it started, how many
    of those with what it had computed before, how many it refused (the caller's
    fault) and how many failed (its own fault), and the memory it takes, on
    accelerators too. Workers that should serve and do not come last, with the
    reason.
    """
    from rich.live import Live

    from thinkimg_rpc.cli.screen import console

    screen = console()
    with open_mesh(address, tls_settings(tls_ca, tls_cert, tls_key)) as mesh:
        if not watch:
            screen.print(status_view(mesh, address))
            return
        try:
            while not screen.is_terminal:
                screen.print(status_view(mesh, address))
                sys.stdout.flush()
                time.sleep(REFRESH_S)
            with Live(status_view(mesh, address), console=screen, auto_refresh=False) as live:
                while True:
                    time.sleep(REFRESH_S)
                    live.update(status_view(mesh, address), refresh=True)
        except KeyboardInterrupt:
            return


def status_view(mesh: SyncMesh, address: str) -> RenderableType:
    """What `thinkimg status` prints of the mesh at `address`."""
    from rich.console import Group
    from rich.text import Text

    from thinkimg_rpc.cli.tables import absent_table, worker_table

    workers, absent = mesh.workers(), _absent_workers(mesh)
    if not (workers or absent):
        return Text(f"mesh at {address}: no workers yet")
    plural = "" if len(workers) == 1 else "s"
    headline = f"mesh at {address}: {len(workers)} worker{plural}"
    serving = [worker_table(workers)] if workers else []
    if not absent:
        return Group(headline, *serving)
    return Group(f"{headline}, {len(absent)} not serving", *serving, "", absent_table(absent))


def _absent_workers(mesh: SyncMesh) -> list[AbsentWorker]:
    try:
        return mesh.absent_workers()
    except (Unavailable, DeadlineExceeded):
        # Those who watch see the workers that are known while the hub comes back.
        return []
