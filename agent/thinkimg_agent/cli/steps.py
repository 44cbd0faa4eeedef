"""An episode in the terminal, step by step."""

from __future__ import annotations

import json

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from thinkimg_agent.trajectory import StopReason, Trajectory, TurnRecord

_SHOWN_CHARACTERS = 400


def print_start(screen: Console, question: str) -> None:
    screen.print(Text(question, "bold"))


def print_turn(screen: Console, turn: TurnRecord) -> None:
    """What the model thought and asked for, and what it was shown."""
    if turn.thought:
        screen.print(Text(turn.thought))
    for call in turn.calls:
        arguments = call.arguments
        written = arguments if isinstance(arguments, str) else json.dumps(arguments)
        head = Text.assemble((f"{call.tool or call.name} ", "cyan bold"), (_short(written), "cyan"))
        screen.print(
            Padding(
                head.append(f"  {call.seconds * 1000:.0f} ms", "dim"), (0, 0, 0, 2), expand=False
            )
        )
        style = "red" if call.error else "dim"
        screen.print(Padding(Text(_short(call.observation), style), (0, 0, 0, 4), expand=False))
    if turn.problem:
        screen.print(Padding(Text(_short(turn.text), "dim"), (0, 0, 0, 2), expand=False))
        screen.print(Padding(Text(turn.problem, "red"), (0, 0, 0, 2), expand=False))


def print_end(screen: Console, trajectory: Trajectory) -> None:
    """The answer, or why there is none."""
    if trajectory.stop is StopReason.ANSWERED:
        line = Text.assemble(("answer: ", "green"), (trajectory.answer or "", "green bold"))
        if trajectory.truth is not None:
            line.append(f"  (truth: {trajectory.truth})", "dim")
    else:
        reason = trajectory.stop.value.replace("_", " ")
        line = Text(f"no answer: {reason}", "yellow")
        if trajectory.stop_detail:
            line.append(f", {trajectory.stop_detail}")
    screen.print(line.append(f"  {trajectory.seconds:.1f} s", "dim"))


def _short(text: str) -> str:
    one_line = " ".join(text.split())
    if len(one_line) <= _SHOWN_CHARACTERS:
        return one_line
    return f"{one_line[:_SHOWN_CHARACTERS]}…"
