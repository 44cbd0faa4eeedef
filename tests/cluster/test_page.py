"""The commands of the page on SLURM, run on one."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..docs.blocks import ROOT, blocks_of
from ..docs.page_run import PageRun

BY_US = "the tests of SLURM do"


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("slurm")
def test_the_blocks_of_the_page_run_one_after_another(tmp_path: Path) -> None:
    blocks = blocks_of(ROOT / "docs" / "deploy-slurm.md")
    assert {block.not_run for block in blocks} == {None, BY_US}
    with PageRun(tmp_path, "127.0.0.1:9") as run:
        for block in blocks:
            run.run(block)
