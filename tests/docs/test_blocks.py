"""Every code block of README and docs is run as it stands there."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from pathlib import Path

import pytest

from thinkimg_rpc.serve.config import DEFAULT_CONFIG
from thinkimg_rpc.settings import CannotStart

from .blocks import PAGES, ROOT, Block, blocks_of
from .page_run import PageRun

NOT_RUN = {
    "README.md": 6,
    "add-a-model.md": 2,
    "benchmarks.md": 1,
    "collect.md": 1,
    "deploy-containers.md": 5,
    "deploy-kubernetes.md": 3,
    "deploy-many-machines.md": 2,
    "deploy-slurm.md": 3,
    "deploy-xds.md": 1,
    "evaluate.md": 1,
    "from-openthinkimg.md": 1,
    "other-languages.md": 1,
    "serve-a-mesh.md": 4,
    "synthcharts.md": 2,
    "train-grpo.md": 6,
    "train-sft.md": 4,
    "troubleshooting.md": 1,
}
"""How many blocks of each page are marked as not run; none on all others."""


@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_blocks_of_a_page_run_one_after_another(
    page: Path, served_address: str, tmp_path: Path
) -> None:
    blocks = [block for block in blocks_of(page) if block.not_run is None]
    if shutil.which("openssl") is None and any("openssl" in block.text for block in blocks):
        pytest.skip("needs openssl, listed in .ci/apt-packages.txt")
    if shutil.which("kubectl") is None and any("kubectl" in block.text for block in blocks):
        pytest.skip("needs kubectl, listed in .ci/apt-packages.txt")
    with PageRun(tmp_path, served_address) as run:
        for block in blocks:
            run.run(block)


def test_blocks_that_are_not_run_are_few_and_say_why() -> None:
    marked = [block for page in PAGES for block in blocks_of(page) if block.not_run is not None]
    assert [str(block) for block in marked if not block.not_run] == []
    assert Counter(block.page for block in marked) == NOT_RUN


def test_the_mesh_toml_that_is_shown_is_the_one_that_is_shipped() -> None:
    pages = (block for page in PAGES for block in blocks_of(page))
    (shown,) = [block for block in pages if block.title == "mesh.toml"]
    assert shown.text == DEFAULT_CONFIG.read_text()


def test_the_tool_of_the_example_has_at_most_forty_lines() -> None:
    blocks = blocks_of(ROOT / "docs" / "write-a-tool.md")
    (tool,) = [block for block in blocks if block.title == "my_tools/rotate.py"]
    assert len(tool.text.splitlines()) <= 40


def test_a_block_is_read_with_its_title_its_words_and_its_reason(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        '```python title="a/b.py" extra\nx = 1\n\ny = 2\n```\n'
        "<!-- not run: it sleeps -->\n```sh background\nsleep 9\n```\n"
    )
    first, second = blocks_of(page)
    assert first == Block("page.md", 1, "python", ("extra",), "a/b.py", None, "x = 1\n\ny = 2\n")
    assert (second.not_run, second.in_background, second.line) == ("it sleeps", True, 7)


def test_a_block_that_is_never_closed_is_an_error(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("words\n```sh\ntrue\n")
    with pytest.raises(ValueError, match=r"page\.md:2: the block is not closed"):
        blocks_of(page)


@pytest.mark.parametrize(
    ("info", "text", "complaint"),
    [
        ("sh", "echo before; false; echo after", "page.md:1 ended with 1:\nbefore"),
        ("sh", "false | true", "page.md:1 ended with 1"),
        ("python", "raise SystemExit('no')", "page.md:1 ended with 1:\nno"),
        ("sh background", "bash -c 'echo starting; exit 3'", "page.md:1 does not serve:\nstarting"),
        ("toml", "[mesh]\nadress = ''", 'unknown key "adress"'),
        ("yaml", "a: 1", "page.md:1: what is it?"),
        ("", "plain", "page.md:1: what is it?"),
    ],
)
def test_a_broken_block_fails_its_page(
    info: str, text: str, complaint: str, tmp_path: Path
) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"```{info}\n{text}\n```\n")
    broken = pytest.raises((AssertionError, CannotStart), match=re.escape(complaint))
    with PageRun(tmp_path, "127.0.0.1:1") as run, broken:
        run.run(blocks_of(page)[0])
