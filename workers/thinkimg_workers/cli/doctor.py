"""`thinkimg doctor`: what would serve on this machine, and why not more."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from thinkimg_rpc.cli.failures import MESHS_FAULT
from thinkimg_rpc.settings import CannotStart

if TYPE_CHECKING:
    from rich.console import Console

    from thinkimg_rpc.serve.config import MeshConfig
    from thinkimg_workers.cli.surveys import Finding
    from thinkimg_workers.survey import Prospect


def doctor(
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The mesh to look into: ./mesh.toml if there is one, else the shipped one.",
        ),
    ] = None,
) -> int:
    """Say what would serve on this machine, and why not more.

    For each tool of the mesh: the backend that would answer, and what stands in
    the way of each better one, with the remedy. Nothing is served and no model is
    loaded. The exit status is 1 if the mesh could not be served at all.
    """
    from thinkimg_rpc.cli.screen import console
    from thinkimg_rpc.serve.config import find_config, load_config
    from thinkimg_workers.cli import machine

    screen = console()
    for line in machine.machine_lines():
        screen.print(line)
    path = find_config(config)
    try:
        chosen = load_config(path)
        screen.print(f"mesh: {path}, {machine.address_line(chosen)}")
        serving = _tell_workers(chosen, screen)
    except CannotStart as error:
        screen.print(f"cannot serve: {error}", style="red")
        return MESHS_FAULT
    return 0 if serving else MESHS_FAULT


def _tell_workers(config: MeshConfig, screen: Console) -> bool:
    """Print what would come of each worker; whether any of them could start."""
    from thinkimg_workers.cli.surveys import survey_environments

    findings = survey_environments(config)
    for name, finding in findings.items():
        _tell_environment(name, finding, screen)
    serving = not config.worker
    for worker in config.worker:
        finding = findings[worker.env]
        replicas = "" if worker.replicas == 1 else f", {worker.replicas} replicas"
        where = f", in environment {worker.env}" if worker.env else ""
        screen.print(f"\nworker {worker.name}{replicas}{where}", style="bold")
        if finding.survey is None:
            screen.print(f"  {', '.join(worker.tools)}: known once the environment is there")
            serving |= not finding.problem
            continue
        prospects = [one for one in finding.survey.prospects if one.worker == worker.name]
        for prospect in prospects:
            _tell_tool(prospect, screen)
        serving |= not any(prospect.problem for prospect in prospects)
    return serving


def _tell_environment(name: str, finding: Finding, screen: Console) -> None:
    title = f"environment {name}" if name else "packages"
    if finding.survey is None:
        style = "red" if finding.problem else "yellow"
        screen.print(f"{title}: {finding.problem or finding.unknown}", style=style)
        return
    survey = finding.survey
    versions = [f"{package} {version}" for package, version in survey.packages.items()]
    screen.print(f"{title}: {', '.join([f'Python {survey.python}', *versions])}")
    if survey.devices:
        for device in survey.devices:
            screen.print(f"  {device}")
    elif "torch" in survey.packages:
        screen.print("  no GPU that PyTorch can use: models compute on the CPU")


def _tell_tool(prospect: Prospect, screen: Console) -> None:
    if prospect.problem:
        screen.print(f"  {prospect.tool}: cannot start: {prospect.problem}", style="red")
        return
    screen.print(f"  {prospect.tool}: {prospect.backend}")
    for obstacle in prospect.better:
        screen.print(f"    not {obstacle.backend}: {obstacle.reason}", style="yellow")
