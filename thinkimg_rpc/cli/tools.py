"""`thinkimg tools`: what the mesh can do."""

from __future__ import annotations

from thinkimg_rpc.cli.connection import (
    DEFAULT_ADDRESS,
    Address,
    TlsCa,
    TlsCert,
    TlsKey,
    open_mesh,
    tls_settings,
)


def tools(
    address: Address = DEFAULT_ADDRESS,
    tls_ca: TlsCa = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
) -> None:
    """List the tools of the mesh.

    Each with its version, what computes it, how many workers host it, their
    health, and their load: calls running of those that could run at once.
    """
    from thinkimg_rpc.cli.screen import console
    from thinkimg_rpc.cli.tables import tool_table

    with open_mesh(address, tls_settings(tls_ca, tls_cert, tls_key)) as mesh:
        workers = mesh.workers()
    if workers:
        console().print(tool_table(workers))
    else:
        print(f"the mesh at {address} has no tools yet")
