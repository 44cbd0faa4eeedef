"""`thinkimg trajectory`: look into recorded runs and check them."""

from __future__ import annotations

from typing import Annotated

import typer

from thinkimg_agent.cli.view import Run
from thinkimg_rpc.cli.commands import new_app

trajectory = new_app()


@trajectory.callback()
def _group() -> None:
    """Check, show and count recorded episodes."""


@trajectory.command()
def validate(run: Run) -> None:
    """Check that a run is whole: every line, image, call and token.

    Exits with 1 if anything is wrong.
    """
    from thinkimg_agent.checking import problems
    from thinkimg_agent.trajectory_file import read_trajectories

    count = wrong = 0
    for count, episode in enumerate(read_trajectories(run), 1):
        for problem in problems(episode, run):
            wrong += 1
            print(f"line {count}, sample {episode.sample_id}: {problem}")
    print(f"{count} episode{'' if count == 1 else 's'}, {wrong or 'nothing'} wrong")
    if wrong:
        raise typer.Exit(1)


@trajectory.command()
def show(
    run: Run,
    number: Annotated[
        int, typer.Argument(metavar="[NUMBER]", min=1, help="Which episode, counted from 1.")
    ] = 1,
) -> None:
    """Print one episode as text, turn by turn."""
    from itertools import islice

    from thinkimg_agent.cli.steps import print_end, print_start, print_turn
    from thinkimg_agent.trajectory_file import read_trajectories
    from thinkimg_rpc.cli.screen import console

    episode = next(islice(read_trajectories(run), number - 1, None), None)
    if episode is None:
        raise typer.BadParameter(f"the run has no episode {number}", param_hint="NUMBER")
    screen = console()
    print_start(screen, episode.question)
    for turn in episode.turns:
        print_turn(screen, turn)
    print_end(screen, episode)


@trajectory.command()
def stats(run: Run) -> None:
    """Count how the episodes of a run ended, the tools they used and the time they took."""
    from thinkimg_agent.cli.statistics import ending_table, time_table, tool_table
    from thinkimg_agent.trajectory_file import read_trajectories
    from thinkimg_rpc.cli.screen import console

    episodes = list(read_trajectories(run))
    if not episodes:
        print("no episodes yet")
        return
    for table in (ending_table(episodes), tool_table(episodes), time_table(episodes)):
        console().print(table, "")
