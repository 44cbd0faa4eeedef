"""Which backend of a tool answers: the one asked for, or the best that this machine has."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import msgspec

from thinkimg_rpc.settings import CannotStart, ModelSettings
from thinkimg_workers.weights import find_weights, how_to_fetch, named_weights

_in_use: WeakValueDictionary[tuple[str, ModelSettings, Path | None], Any] = WeakValueDictionary()
_loading = threading.RLock()
"""Held while loading, which may in turn load another backend."""


@dataclass(frozen=True)
class Backend:
    """One way to compute a tool's answer. What it loads is imported only when chosen.

    `loads` names a class, "package.module:Class", that is made with the settings
    and the place of the weights (None without any) and raises CannotStart.
    """

    name: str
    loads: str
    modules: tuple[str, ...] = ()
    """What must be importable."""
    install: str = ""
    """What brings those, as pip takes it."""
    weights: str | tuple[str, ...] = ()
    """Entries of the weights table: the first that is here is used where the settings name none."""
    asks_endpoint: bool = False
    """Whether it needs a server of `settings.endpoint`."""

    def obstacle(self, settings: ModelSettings) -> str:
        """Why it cannot serve here, with the remedy; "" if it can."""
        missing = [module for module in self.modules if find_spec(module) is None]
        if missing:
            return f"{' and '.join(missing)} not installed; install {self.install}"
        if self.asks_endpoint and not settings.endpoint:
            return "no endpoint set; name an OpenAI-compatible server in `endpoint`"
        entries = self.entries()
        if entries and not settings.weights and not any(map(find_weights, entries)):
            if len(entries) == 1:
                return f"the weights {entries[0]} are not here; {how_to_fetch(entries[0])}"
            return (
                f"none of the weights {', '.join(entries)} are here; for {entries[0]}, "
                f"{how_to_fetch(entries[0])}"
            )
        return ""

    def load(self, settings: ModelSettings) -> Any:
        """Make it, or take the one that another tool of this process made alike.

        Raises: CannotStart.
        """
        place: Path | None = None
        if entries := self.entries():
            here = next(filter(find_weights, entries), entries[0])
            place = named_weights(settings.weights or here)
        # GroundingDINO, and Point through it, need one model in memory, not two.
        alike = (self.loads, msgspec.structs.replace(settings, backend=self.name), place)
        with _loading:
            made = _in_use.get(alike)
            if made is None:
                module, _, name = self.loads.partition(":")
                made = getattr(importlib.import_module(module), name)(settings, place)
                _in_use[alike] = made
            return made

    def entries(self) -> tuple[str, ...]:
        return (self.weights,) if isinstance(self.weights, str) else self.weights


def choices_of(tool: type[Any]) -> tuple[Backend, ...]:
    """The backends a tool class chooses from, its `choices`; none if it has but one."""
    choices: tuple[Backend, ...] = getattr(tool, "choices", ())
    return choices


def open_backend(backends: Sequence[Backend], settings: ModelSettings) -> Any:
    """The backend that `settings.backend` names, loaded; "auto": the first that can serve.

    There is no second choice once one is taken: a bad file is an error, not a
    reason to answer with something else.

    Raises: CannotStart, with the remedy.
    """
    if settings.backend == "auto":
        chosen = next(backend for backend in backends if not backend.obstacle(settings))
    else:
        chosen = next(backend for backend in backends if backend.name == settings.backend)
        if obstacle := chosen.obstacle(settings):
            raise CannotStart(f'backend "{chosen.name}": {obstacle}')
    return chosen.load(settings)
