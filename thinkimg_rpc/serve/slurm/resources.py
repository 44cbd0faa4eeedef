"""What a worker asks of SLURM, and the options of sbatch that say so."""

from __future__ import annotations

from typing import Annotated

import msgspec

from thinkimg_rpc.settings import CannotStart

_OURS = {
    "array": "a",
    "comment": "",
    "export": "",
    "job-name": "J",
    "no-requeue": "",
    "open-mode": "",
    "output": "o",
    "parsable": "",
    "requeue": "",
    "wait": "W",
    "wrap": "",
}
"""Options that the supervisor needs for itself, with their short forms."""


class SlurmSection(msgspec.Struct, frozen=True, kw_only=True):
    """`[slurm]`, and `slurm = {...}` of a worker, which goes before it."""

    partition: str = ""
    gpus: Annotated[int, msgspec.Meta(ge=0)] | str = 0
    """How many, or which: "a100:2"."""
    cpus: Annotated[int, msgspec.Meta(ge=0)] = 0
    memory: str = ""
    """Of one job: "16G"."""
    time: str = ""
    """How long a job may run: "08:00:00", "2-00:00:00"."""
    flags: tuple[str, ...] = ()
    """More options of sbatch: "--account=vision"."""


def options(resources: SlurmSection) -> list[str]:
    """The options of sbatch that ask for them; what is left out, SLURM decides."""
    asked = {
        "partition": resources.partition,
        "gres": f"gpu:{resources.gpus}" if resources.gpus else "",
        "cpus-per-task": resources.cpus,
        "mem": resources.memory,
        "time": resources.time,
    }
    return [f"--{key}={value}" for key, value in asked.items() if value] + list(resources.flags)


def check_flags(flags: tuple[str, ...], where: str) -> None:
    """Refuse what is no option, or would take a job out of our sight. Raises: CannotStart."""
    for flag in flags:
        if not flag.startswith("-") or flag in ("-", "--"):
            raise CannotStart(
                f'{where} flags: "{flag}" is no option of sbatch; write one string for each, '
                'like "--account=vision"'
            )
        name = flag[2:].partition("=")[0] if flag.startswith("--") else ""
        short = "" if name else flag[1]
        if name in _OURS or (short and short in _OURS.values()):
            raise CannotStart(f'{where} flags: "{flag}" is set by thinkimg serve itself; remove it')
