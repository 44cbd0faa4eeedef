"""On a user's machine a test may be skipped; under CI's switch that is a failure."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]

# Without the plugins, which take two seconds to load.
PLAIN = {"PYTHONPATH": str(TESTS), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}

SUITE = """
import pytest

def test_that_passes(): pass

@pytest.mark.skip(reason="no such program")
def test_that_is_marked(): pass

def test_that_skips(): pytest.skip("no such file")

@pytest.mark.xfail(strict=True)
def test_that_is_expected_to_fail(): assert False
"""


def _run_suite(folder: Path, source: str, **environment: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_suite.py").write_text(source)
    inherited = {key: value for key, value in os.environ.items() if key != "THINKIMG_NO_SKIPS"}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-c", os.devnull, "-p", "conftest", "-ra", str(folder)],
        env=inherited | PLAIN | environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_without_the_switch_a_skip_is_a_skip(tmp_path: Path) -> None:
    result = _run_suite(tmp_path, SUITE)
    assert result.returncode == 0
    assert "1 passed, 2 skipped, 1 xfailed" in result.stdout


def test_with_the_switch_a_skip_fails_and_says_why(tmp_path: Path) -> None:
    result = _run_suite(tmp_path, SUITE, THINKIMG_NO_SKIPS="1")
    assert result.returncode == 1
    assert "skipped" not in result.stdout.splitlines()[-1]
    for reason in ("no such program", "no such file"):
        assert f"{reason}\n(THINKIMG_NO_SKIPS=1 makes a skipped test fail)" in result.stdout


@pytest.mark.parametrize("switch", ["", "1"])
def test_a_whole_file_that_is_skipped_counts_as_well(tmp_path: Path, switch: str) -> None:
    source = 'import pytest\npytest.skip("no root", allow_module_level=True)\n'
    result = _run_suite(tmp_path, source, THINKIMG_NO_SKIPS=switch)
    assert (result.returncode in (0, 5)) is (switch == "")
    assert "no root" in result.stdout
