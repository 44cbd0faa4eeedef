"""`thinkimg ask`: one question about images."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from thinkimg_rpc.cli.connection import (
    DEFAULT_ADDRESS,
    Address,
    TlsCa,
    TlsCert,
    TlsKey,
    mesh_options,
    tls_settings,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from thinkimg_agent.dialects import Dialect
    from thinkimg_agent.policies.choice import PolicyOptions
    from thinkimg_agent.sample import Sample
    from thinkimg_agent.trajectory import Trajectory
    from thinkimg_rpc.cli.connection import MeshOptions


def ask(
    image: Annotated[
        list[Path],
        typer.Argument(metavar="IMAGE...", exists=True, dir_okay=False, help="Image files."),
    ],
    question: Annotated[str, typer.Argument(metavar="QUESTION")],
    policy: Annotated[
        str,
        typer.Option(
            metavar="KIND:MODEL",
            help="Who answers: openai:MODEL, transformers:FOLDER, vllm:FOLDER or scripted:FILE.",
        ),
    ],
    base_url: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="Of an OpenAI-compatible server, such as http://127.0.0.1:8000/v1."
        ),
    ] = None,
    dialect: Annotated[
        str,
        typer.Option(help="How calls are written: openthinkimg, hermes, hermes-brief or native."),
    ] = "hermes",
    coordinates: Annotated[
        str,
        typer.Option(help="How the model counts: pixels, 0-1, 0-100 or 0-1000."),
    ] = "pixels",
    tools: Annotated[
        str, typer.Option(metavar="NAME,NAME", help="Offer these tools only; all if left out.")
    ] = "",
    temperature: Annotated[float, typer.Option(min=0)] = 0.0,
    max_turns: Annotated[int, typer.Option(min=1)] = 10,
    save: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="Add the episode to this run's folder."),
    ] = None,
    see: Annotated[
        bool, typer.Option("--view", help="Write the page of the run (into ./thinkimg-run).")
    ] = False,
    address: Address = DEFAULT_ADDRESS,
    tls_ca: TlsCa = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
) -> None:
    """Let a model answer a question about images with the tools of a mesh.

    thinkimg ask chart.png "Which bar is the highest?" --policy openai:gpt-5 --dialect native
    """
    from thinkimg_agent.cli.steps import print_end
    from thinkimg_agent.policies.choice import PolicyOptions
    from thinkimg_agent.sample import Sample
    from thinkimg_agent.trajectory_file import TrajectoryWriter
    from thinkimg_agent.viewer import write_page
    from thinkimg_rpc.cli.screen import console

    sample = Sample("ask", question, tuple(path.read_bytes() for path in image))
    chosen = _dialect(dialect, coordinates)
    options = PolicyOptions(chosen, base_url, temperature)
    connection = mesh_options(address, tls_settings(tls_ca, tls_cert, tls_key))
    names = [name.strip() for name in tools.split(",") if name.strip()]
    trajectory = asyncio.run(_ask(sample, policy, options, connection, chosen, names, max_turns))
    print_end(console(), trajectory)
    run = save or (Path("thinkimg-run") if see else None)
    if run is not None:
        with TrajectoryWriter(run) as writer:
            writer.add(trajectory)
    if run is not None and see:
        page = run / "index.html"
        write_page(run, page)
        print(page)
    if trajectory.answer is None:
        raise typer.Exit(1)


async def _ask(
    sample: Sample,
    policy: str,
    options: PolicyOptions,
    connection: MeshOptions,
    dialect: Dialect,
    names: Sequence[str],
    max_turns: int,
) -> Trajectory:
    from functools import partial

    from thinkimg_agent.cli.steps import print_start, print_turn
    from thinkimg_agent.episode import Limits, run_episode
    from thinkimg_agent.policies.choice import open_policy
    from thinkimg_rpc.cli.screen import console
    from thinkimg_rpc.client import Mesh

    screen = console()
    print_start(screen, sample.question)
    async with Mesh(**connection) as mesh, open_policy(policy, options) as model:
        tools = [await mesh.contract(name) for name in names] or await mesh.contracts()
        return await run_episode(
            sample,
            model,
            mesh,
            Limits(max_turns=max_turns),
            dialect=dialect,
            tools=tools,
            on_turn=partial(print_turn, screen),
        )


def _dialect(name: str, coordinates: str) -> Dialect:
    """Raises: typer.BadParameter, naming those there are."""
    from thinkimg_agent.coordinates import CoordinateSpace
    from thinkimg_agent.dialects import DIALECTS

    if name not in DIALECTS:
        raise typer.BadParameter(
            f'"{name}" is none of {", ".join(DIALECTS)}', param_hint="--dialect"
        )
    spaces = {space.value: space for space in CoordinateSpace}
    if coordinates not in spaces:
        raise typer.BadParameter(
            f'"{coordinates}" is none of {", ".join(spaces)}', param_hint="--coordinates"
        )
    return DIALECTS[name](spaces[coordinates])
