"""`thinkimg serve`: a mesh, or tools of one's own in a mesh that runs."""

from __future__ import annotations

import asyncio
import importlib.util
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from thinkimg_rpc.cli.connection import DEFAULT_ADDRESS

if TYPE_CHECKING:
    from thinkimg_rpc.serve.config import MeshConfig
    from thinkimg_rpc.serve.display import Display

FOR_THE_HUB_S = 60.0
"""Where the parts of a mesh are started apart, workers may come before their hub."""


class LauncherChoice(Enum):
    """What can start workers."""

    LOCAL = "local"
    SLURM = "slurm"


def serve(
    tools: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PACKAGE.MODULE:CLASS",
            help="Tools of your own, to join to the mesh at --address; modules are found from "
            "the current folder. Without any, a whole mesh is served.",
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The mesh to serve: ./mesh.toml if there is one, else the shipped one, "
            "with all tools. When tools of your own join: only its [mesh], [tls] and [limits] "
            "are used.",
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="NAME",
            help="Serve only this worker of the file here, or hub, the front door alone; the "
            "option may be given several times. Without the hub, the workers join the mesh at "
            "--address.",
        ),
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(
            envvar="THINKIMG_ADDRESS",
            metavar="HOST:PORT",
            help="Where to serve the mesh, or which mesh to join. If left out, what the file "
            f"says, else {DEFAULT_ADDRESS}.",
        ),
    ] = None,
    xds_port: Annotated[
        int | None,
        typer.Option(
            metavar="PORT",
            min=1,
            max=65535,
            help="Tell stock gRPC clients of the workers here, so that they follow the mesh: see "
            "`thinkimg xds-bootstrap`. If left out, what the file says, else nowhere.",
        ),
    ] = None,
    launcher: Annotated[
        LauncherChoice | None,
        typer.Option(
            help="What starts the workers that do not say so in the file: processes of this "
            "machine, or jobs of SLURM. If left out, what the file says, else local.",
        ),
    ] = None,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Allow listening beyond this machine without TLS.")
    ] = False,
    replicas: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, help="When joining: processes that host the tools. 1 if left out."
        ),
    ] = None,
    concurrency: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="When joining: calls that each process runs at once. 2 if left out.",
        ),
    ] = None,
) -> int:
    """Serve a mesh, or join your own tools to one.

    A mesh is a front door and its workers, one process each; all are looked
    after until Ctrl-C, which lets the calls in flight finish.

    thinkimg serve

    thinkimg serve my_package.my_tool:MyTool --address 127.0.0.1:50051

    thinkimg serve --only image --address 127.0.0.1:50051
    """
    from rich.console import Console

    from thinkimg_rpc.serve.config import find_config, load_config
    from thinkimg_rpc.serve.display import Display
    from thinkimg_rpc.serve.selection import HUB, select_parts
    from thinkimg_rpc.settings import CannotStart

    _check_packages()
    display = Display(Console(highlight=False))
    path = None if tools and config is None else find_config(config)
    chosen = _override(load_config(path) if path else None, address, xds_port, insecure)
    chosen = _with_launcher(chosen, launcher)
    if xds_port and (tools or (only and HUB not in only)):
        raise typer.BadParameter("--xds-port is for the process that serves the front door")
    if tools and only:
        raise typer.BadParameter("--only chooses among the workers of mesh.toml; name no tools")
    if tools:
        return _join_tools(tuple(tools), chosen, replicas or 1, concurrency or 2, display)
    if replicas or concurrency:
        raise typer.BadParameter(
            "--replicas and --concurrency are for tools that join a mesh; "
            "set them for a [[worker]] in mesh.toml"
        )
    if not chosen.worker:
        raise CannotStart("there is no [[worker]] in mesh.toml; name at least one with its tools")
    chosen = select_parts(chosen, only) if only else chosen
    display.say(f"configuration: {path}")
    if only and HUB not in only:
        return _join_workers(chosen, display)
    return _serve_mesh(chosen, display)


def _check_packages() -> None:
    """Every worker needs these, whatever its tools do; better told here than by each of them."""
    for package in ("numpy", "cv2", "isal", "PIL", "uvloop"):
        if importlib.util.find_spec(package) is None:
            raise ModuleNotFoundError(f"no package {package}", name=package)


def _override(
    config: MeshConfig | None, address: str | None, xds_port: int | None, insecure: bool
) -> MeshConfig:
    from thinkimg_rpc.serve.config import MeshConfig, check_host_port, check_xds_port

    config = config or MeshConfig()
    if address:
        check_host_port(address, "--address")
    mesh = msgspec.structs.replace(
        config.mesh,
        address=address or config.mesh.address,
        xds_port=xds_port or config.mesh.xds_port,
        insecure=insecure or config.mesh.insecure,
    )
    check_xds_port(mesh)
    return msgspec.structs.replace(config, mesh=mesh)


def _with_launcher(config: MeshConfig, launcher: LauncherChoice | None) -> MeshConfig:
    if launcher is None:
        return config
    mesh = msgspec.structs.replace(config.mesh, launcher=launcher.value)
    return msgspec.structs.replace(config, mesh=mesh)


def _serve_mesh(config: MeshConfig, display: Display) -> int:
    from thinkimg_rpc.serve.config import read_token
    from thinkimg_rpc.serve.mesh import serve_mesh

    return asyncio.run(serve_mesh(config, read_token(config), display))


def _join_tools(
    tools: tuple[str, ...], config: MeshConfig, replicas: int, concurrency: int, display: Display
) -> int:
    from thinkimg_rpc.serve.config import read_token
    from thinkimg_rpc.serve.join import Joining, join_mesh, worker_of_tools
    from thinkimg_rpc.serve.plan import surroundings

    worker = worker_of_tools(tools, replicas, concurrency)
    joining = Joining(config.mesh.address, (worker,), config.limits)
    return asyncio.run(join_mesh(joining, surroundings(config, read_token(config)), display))


def _join_workers(config: MeshConfig, display: Display) -> int:
    from thinkimg_rpc.serve.config import read_token
    from thinkimg_rpc.serve.join import Joining, join_mesh
    from thinkimg_rpc.serve.plan import surroundings, worker_environments

    shared = surroundings(config, read_token(config))
    joining = Joining(
        config.mesh.address,
        config.worker,
        config.limits,
        worker_environments(config, shared),
        wait_s=FOR_THE_HUB_S,
    )
    return asyncio.run(join_mesh(joining, shared, display))
