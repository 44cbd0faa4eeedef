"""How a run goes: a bar in a terminal or lines elsewhere, a file of numbers, TensorBoard, W&B."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from thinkimg_eval.run.progress import duration
from thinkimg_train.config import LogSection

NUMBERS = "log.jsonl"
LINE_EVERY_S = 30.0
"""Between lines, where there is no terminal."""
_SHOWN = ("reward", "calls", "loss")


class Logbook:
    """Of one process, the one that speaks. Use it in a `with`."""

    def __init__(
        self,
        section: LogSection,
        folder: Path | None,
        screen: Console,
        *,
        name: str,
        steps: int,
        first_step: int = 0,
        config: Mapping[str, Any] | None = None,
    ) -> None:
        """
        Args:
            folder: where all is noted; None: nowhere, as by all processes but one.
            name: what the run is called on the screen and where runs are compared.
            steps: at which it ends.
            first_step: at which it goes on; what was noted of later ones is forgotten.
            config: to be noted where runs are compared.
        """
        self._file: TextIO | None = None
        self._board: Any = None
        self._wandb: Any = None
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = _open_numbers(folder / NUMBERS, first_step)
            if section.tensorboard:
                self._board = _tensorboard(folder, first_step)
            if section.wandb_project:
                self._wandb = _wandb(section.wandb_project, folder, name, config or {})
        self._every_steps = section.every_steps
        self._screen, self._name = screen, name
        self._steps, self._done = steps, first_step
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[said]}"),
            console=screen,
            disable=not screen.is_terminal,
        )
        self._row = self._bar.add_task(name, total=steps, completed=first_step, said="")
        self._began = self._last_line = time.monotonic()
        self._began_with = first_step

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bar.stop()
        if self._file is not None:
            self._file.close()
        if self._board is not None:
            self._board.close()
        if self._wandb is not None:
            self._wandb.finish(exit_code=0 if error is None else 1)

    def wants(self, step: int) -> bool:
        """Whether the numbers of a step, counted from 0, are to be noted."""
        return (step + 1) % self._every_steps == 0 or step + 1 == self._steps

    def note_step(self, step: int, numbers: Mapping[str, float]) -> None:
        """Note what a step, counted from 0, came to; `reward` where there is one, `loss` and
        `tokens_per_s` are shown."""
        self.note(step, numbers)
        self._done = step + 1
        said = self._said(numbers)
        self._bar.update(self._row, completed=self._done, said=said)
        now = time.monotonic()
        last = self._done == self._steps
        if not self._screen.is_terminal and (last or now - self._last_line >= LINE_EVERY_S):
            self._last_line = now
            self._screen.print(f"{self._name}: {said}", highlight=False)

    def note(self, step: int, numbers: Mapping[str, float]) -> None:
        """Note further numbers of a step, such as what an evaluation came to."""
        if self._file is not None:
            self._file.write(json.dumps({"step": step, **numbers}) + "\n")
            self._file.flush()
        if self._board is not None:
            for name, value in numbers.items():
                self._board.add_scalar(name, value, step)
        if self._wandb is not None:
            self._wandb.log(dict(numbers), step=step)

    def say(self, words: str) -> None:
        self._screen.print(words, highlight=False)

    def _said(self, numbers: Mapping[str, float]) -> str:
        """As "step 120/994, reward 0.43, loss 0.412, 5,120 tokens/s, 12 min left"."""
        words = [f"step {self._done}/{self._steps}"]
        words += [f"{name} {numbers[name]:.4g}" for name in _SHOWN if name in numbers]
        words.append(f"{numbers['tokens_per_s']:,.0f} tokens/s")
        if self._done < self._steps:
            each_s = (time.monotonic() - self._began) / (self._done - self._began_with)
            words.append(f"{duration((self._steps - self._done) * each_s)} left")
        return ", ".join(words)


def _open_numbers(file: Path, first_step: int) -> TextIO:
    """A run that was killed had noted steps after its last checkpoint; they come again."""
    if file.exists():
        kept = [line for line in read_numbers(file) if line["step"] < first_step]
        anew = file.with_suffix(".part")
        anew.write_text("".join(json.dumps(line) + "\n" for line in kept), encoding="utf-8")
        anew.replace(file)
    return file.open("a", encoding="utf-8")


def read_numbers(file: Path) -> list[dict[str, float]]:
    """What was noted, line by line; a last one that was cut off is left out."""
    whole, _, _ = file.read_text(encoding="utf-8").rpartition("\n")
    return [json.loads(line) for line in whole.splitlines()]


def _tensorboard(folder: Path, first_step: int) -> Any:
    from torch.utils.tensorboard import SummaryWriter

    writer: Any = SummaryWriter
    return writer(str(folder / "tensorboard"), purge_step=first_step or None)


def _wandb(project: str, folder: Path, name: str, config: Mapping[str, Any]) -> Any:
    """One run there for one run here, however often it was broken off."""
    import wandb

    known = folder / "wandb_run"
    number = known.read_text(encoding="utf-8") if known.exists() else uuid.uuid4().hex[:8]
    known.write_text(number, encoding="utf-8")
    return wandb.init(
        project=project,
        name=name,
        id=number,
        resume="allow",
        dir=str(folder),
        config=dict(config),
    )
