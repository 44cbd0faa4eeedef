"""What `thinkimg serve` prints: one line or table when served, then what changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rich.console import Console
from rich.table import Table
from rich.text import Text

from thinkimg_rpc.serve.child import Child, ChildState
from thinkimg_rpc.v1 import Worker

_STYLES = {
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

    def say(self, text: str, style: str = "") -> None:
        """Print one line as it is, however wide the terminal."""
        self._console.print(Text(text, style=style), soft_wrap=True, highlight=False)

    def table(
        self, headline: str, children: Iterable[Child], workers: Mapping[str, Worker]
    ) -> None:
        """Print where the mesh serves, and each process with its tools or its trouble."""
        self.say(headline, "bold")
        table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        self._shown = {}
        for child in children:
            self._shown[child.spec.name] = child.state
            state = Text(child.state.value, style=_STYLES[child.state])
            about = Text(_about(child, workers.get(child.spec.name)))
            table.add_row(f"  {child.spec.name}", state, about)
        self._console.print(table)

    def child_changed(self, child: Child) -> None:
        """Print a change that a person should know of."""
        name = child.spec.name
        if self._shown is None or self._shown.get(name) is child.state:
            return
        if child.state is ChildState.SERVING:
            self.say(f"{name} serves at {child.address}", "green")
        elif child.state is ChildState.RESTARTING:
            self.say(f"{name}: {child.reason}; started again (log: {child.spec.log})", "yellow")
        elif child.state is ChildState.FAILED:
            self.say(f"{name} cannot start: {child.reason} (log: {child.spec.log})", "red")
        if child.state is not ChildState.STARTING:
            self._shown[name] = child.state


def _about(child: Child, worker: Worker | None) -> str:
    if child.state is ChildState.SERVING:
        if worker is not None:
            return ", ".join(tool.name for tool in worker.tools)
        return f"at {child.address}, not in the registry yet (log: {child.spec.log})"
    if child.reason:
        return f"{child.reason} (log: {child.spec.log})"
    return f"(log: {child.spec.log})"
