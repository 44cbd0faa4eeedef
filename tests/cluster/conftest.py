"""A real SLURM for the tests of this folder, started once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .slurm_cluster import missing_programs, slurm_cluster


@pytest.fixture(scope="session")
def slurm() -> Iterator[Path]:
    """Its slurm.conf, which all SLURM commands use meanwhile."""
    if missing := missing_programs():
        pytest.skip(f"SLURM is not installed: no {', '.join(missing)}")
    with pytest.MonkeyPatch.context() as environment, slurm_cluster() as conf:
        environment.setenv("SLURM_CONF", str(conf))
        yield conf
