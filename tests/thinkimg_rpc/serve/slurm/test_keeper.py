"""Jobs of a supervisor that is gone are cancelled; those of one that ended in order are over."""

from __future__ import annotations

from pathlib import Path

import pytest

from thinkimg_rpc.serve.slurm.keeper import Keeper

from ...running_mesh import eventually
from .slurm_commands import write_command


def test_what_is_left_when_the_pipe_closes_is_cancelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancelled = tmp_path / "cancelled"
    write_command(tmp_path, "scancel", f'echo "$@" >> {cancelled}')
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    keeper = Keeper()
    for job in (12, 13, 14):
        keeper.add(job)
    keeper.remove(13)
    keeper.close()
    text = eventually(
        lambda: (
            cancelled.read_text()
            if cancelled.exists() and cancelled.read_text().count("\n") == 2
            else ""
        ),
        60.0,
        "cancelled jobs",
    )
    assert sorted(text.split()) == ["12", "14"]
