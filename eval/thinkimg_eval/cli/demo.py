"""`thinkimg demo`: a mesh, a policy and a few questions, with nothing to set up."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from thinkimg_agent.policies.choice import PolicyOptions
    from thinkimg_agent.sample import Sample
    from thinkimg_eval.task import Scorer

_SHOWN = ("unlabelled_value", "panel", "color_to_series")
"""Of the task's categories: where tools are of most use."""
_NEXT = """\
The same with a model of your own, against a mesh that stays (thinkimg serve):

  thinkimg ask CHART.png "Which bar is the highest?" \\
      --policy openai:MODEL --base-url http://127.0.0.1:8000/v1 --view
"""


def demo(
    policy: Annotated[
        str,
        typer.Option(metavar="KIND:MODEL", help="Who answers; `thinkimg ask` takes the same."),
    ] = "planner:",
    base_url: Annotated[
        str | None, typer.Option(metavar="URL", help="Of an OpenAI-compatible server.")
    ] = None,
    dialect: Annotated[
        str,
        typer.Option(help="How calls are written; the small model writes hermes-brief."),
    ] = "hermes",
    image: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="A chart of your own, asked about last."),
    ] = None,
    question: Annotated[str, typer.Option(help="About that chart.")] = "What is the title?",
    run: Annotated[
        Path | None,
        typer.Option(
            metavar="RUN",
            help="Where the episodes and their page go; a new folder in thinkimg-demo if left out.",
        ),
    ] = None,
) -> None:
    """Watch a policy think with images: three questions about drawn charts, each step shown.

    Starts a mesh of its own on a free port, and needs no key, no weights and no GPU:
    the planner answers by rules. With --policy a model does.

    thinkimg demo --image chart.png --question "What is the value of Spain?"
    """
    from thinkimg_agent.coordinates import CoordinateSpace
    from thinkimg_agent.dialects import DIALECTS
    from thinkimg_agent.policies.choice import PolicyOptions
    from thinkimg_agent.sample import Sample
    from thinkimg_agent.viewer import write_page
    from thinkimg_eval.synthcharts.task import synthcharts
    from thinkimg_rpc.cli.screen import console
    from thinkimg_rpc.errors import InvalidRequest

    if dialect not in DIALECTS:
        raise InvalidRequest.field(
            "--dialect", f'"{dialect}" is none; there are {", ".join(DIALECTS)}'
        )
    task = synthcharts(split="dev")
    samples = list(_of_different_kinds(task.samples))
    if image is not None:
        samples.append(Sample(image.stem, question, (image.read_bytes(),)))
    options = PolicyOptions(DIALECTS[dialect](CoordinateSpace.THOUSANDTHS), base_url)
    run = run or Path("thinkimg-demo") / time.strftime("%Y-%m-%d-%H%M%S")
    asyncio.run(_ask_all(samples, task.scorer, policy, options, run))
    page = run / "index.html"
    write_page(run, page)
    screen = console()
    screen.print(f"Every step, with its pictures: [bold]{page}[/]\n")
    screen.print(_NEXT, markup=False)


def _of_different_kinds(samples: Sequence[Sample]) -> Iterator[Sample]:
    """One of each of three categories, all about different charts."""
    seen: set[str] = set()
    for sample in samples:
        if sample.category not in seen and sample.category in _SHOWN:
            seen.add(sample.category)
            yield sample
        if len(seen) == len(_SHOWN):
            return


async def _ask_all(
    samples: list[Sample], scorer: Scorer, name: str, options: PolicyOptions, run: Path
) -> None:
    from functools import partial

    from thinkimg_agent.cli.steps import print_end, print_start, print_turn
    from thinkimg_agent.episode import Limits, run_episode
    from thinkimg_agent.policies.choice import open_policy
    from thinkimg_agent.trajectory_file import TrajectoryWriter
    from thinkimg_eval.run.episodes import score_of
    from thinkimg_rpc.cli.screen import console
    from thinkimg_rpc.client import Mesh
    from thinkimg_rpc.serve.own_mesh import own_mesh

    screen = console()
    async with (
        open_policy(name, options) as policy,
        own_mesh(say=screen.print) as address,
        Mesh(address) as mesh,
    ):
        tools = await mesh.contracts()
        screen.print(f"a mesh of {len(tools)} tools at {address}\n", style="dim")
        with TrajectoryWriter(run) as writer:
            for sample in samples:
                print_start(screen, sample.question)
                trajectory = await run_episode(
                    sample,
                    policy,
                    mesh,
                    Limits(),
                    dialect=options.dialect,
                    tools=tools,
                    on_turn=partial(print_turn, screen),
                )
                if trajectory.answer is not None and sample.truth is not None:
                    trajectory.score = await score_of(scorer, trajectory.answer, sample)
                print_end(screen, trajectory)
                screen.print()
                writer.add(trajectory)
