"""What `thinkimg serve` prints: a table when served, then what changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.text import Text

from thinkimg_rpc.serve.child import Child, ChildState
from thinkimg_rpc.v1 import Worker

_STYLES = {
    ChildState.BUILDING: "yellow",
    ChildState.PENDING: "yellow",
    ChildState.STARTING: "yellow",
    ChildState.SERVING: "green",
    ChildState.RESTARTING: "yellow",
    ChildState.FAILED: "red",
    ChildState.STOPPED: "dim",
}


class Display:
    """Prints to a console; changes are held back until the first table is out."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._shown: dict[str, ChildState] | None = None
        self._building = ""

    def say(self, text: str, style: str = "") -> None:
        """Print one line as it is, however wide the terminal."""
        self._print(Text(text, style=style))

    def table(
        self, headline: str, children: Sequence[Child], workers: Mapping[str, Worker]
    ) -> None:
        """Print where the mesh serves, and each process with its tools or its trouble."""
        self.say(headline, "bold")
        name_width = max(len(child.spec.name) for child in children)
        state_width = max(len(child.state.value) for child in children)
        self._shown = {}
        for child in children:
            name, state = child.spec.name, child.state
            self._shown[name] = state
            line = Text(f"  {name:{name_width}}  ")
            line.append(f"{state.value:{state_width}}", _STYLES[state])
            line.append(f"  {_about(child, workers.get(name))}")
            self._print(line)

    def child_changed(self, child: Child) -> None:
        """Print a change that a person should know of."""
        name = child.spec.name
        if self._shown is None:
            return
        if child.state is ChildState.BUILDING:
            self._tell_building(child)
        if self._shown.get(name) is child.state:
            return
        if child.state is ChildState.SERVING:
            self.say(f"{name} serves at {child.address}", "green")
        elif child.state is ChildState.RESTARTING:
            self.say(f"{name}: {child.reason}; started again (log: {child.spec.log})", "yellow")
        elif child.state is ChildState.PENDING:
            self.say(f"{name}: {child.reason}", "yellow")
        elif child.state is ChildState.STOPPED and child.reason:
            self.say(f"{name}: {child.reason}", "red")
        elif child.state is ChildState.FAILED:
            self.say(f"{name} cannot start: {_reason_and_log(child)}", "red")
        if child.state is not ChildState.STARTING:
            self._shown[name] = child.state

    def _tell_building(self, child: Child) -> None:
        # All who wait for one environment say the same.
        if child.reason != self._building:
            self._building = child.reason
            self.say(child.reason)

    def _print(self, line: Text) -> None:
        try:
            self._console.print(line, soft_wrap=True, highlight=False)
        except (OSError, SystemExit):
            # The terminal was closed, or the pipe, at which rich wants to exit.
            # The mesh goes on, and drains in order when it is told to.
            self._console.quiet = True


def _about(child: Child, worker: Worker | None) -> str:
    if child.state is ChildState.SERVING:
        tools = worker.tools if worker else ()
        return ", ".join(tool.name for tool in tools) or f"at {child.address}"
    if child.state is ChildState.BUILDING:
        return child.reason
    if child.reason:
        return _reason_and_log(child)
    return f"(log: {child.spec.log})"


def _reason_and_log(child: Child) -> str:
    # What kept it from being started at all is not in its log.
    never_started = child.spec.prepare is not None and child.starts == 0
    return child.reason if never_started else f"{child.reason} (log: {child.spec.log})"
