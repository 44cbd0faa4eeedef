"""Stand-ins for SLURM's commands, for what a healthy SLURM does not do."""

from __future__ import annotations

from pathlib import Path


def write_command(folder: Path, name: str, script: str) -> None:
    """A command that runs a shell script."""
    command = folder / name
    command.write_text(f"#!/bin/sh\n{script}\n")
    command.chmod(0o755)
