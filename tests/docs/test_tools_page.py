"""The tables of the tools' page are those of the contracts and of the code."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from thinkimg_rpc.serve.config import DEFAULT_CONFIG, load_config
from thinkimg_rpc.tool import load_tool

from .blocks import ROOT

PAGE = ROOT / "docs" / "tools.md"
SHIPPED = [tool for worker in load_config(DEFAULT_CONFIG).worker for tool in worker.tools]


def test_the_tables_are_as_the_script_writes_them(tmp_path: Path) -> None:
    for name in ("make_tool_tables.py", "tools.md"):
        (tmp_path / name).write_text((ROOT / "docs" / name).read_text())
    subprocess.run([sys.executable, tmp_path / "make_tool_tables.py"], check=True, timeout=60)
    assert (tmp_path / "tools.md").read_text() == PAGE.read_text()


@pytest.mark.parametrize("spec", SHIPPED)
def test_every_shipped_tool_has_a_section_a_picture_and_its_tables(spec: str) -> None:
    tool = load_tool(spec)
    name = tool.contract().name
    section = PAGE.read_text().partition(f"\n## {name}\n")[2].partition("\n## ")[0]
    assert f"(pictures/tools/{name}.png)" in section
    assert "```python" in section
    assert f"<!-- arguments of {name}: begin -->\n| argument |" in section
    assert bool(tool.backends) == (f"<!-- backends of {name}: begin -->\n| `back" in section)
