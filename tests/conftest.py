"""Options for every test.

`THINKIMG_NO_SKIPS=1` (set by CI) turns a skip into a failure, because a test
that was skipped there has shown nothing.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import TypeVar

import pytest

# They run in vLLM's own environment: `make test-vllm`, which names the folder.
collect_ignore = ["vllm"]

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    return _without_skip(report)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    return _without_skip(report)


def _without_skip(report: Report) -> Report:
    expected_to_fail = hasattr(report, "wasxfail")
    if os.environ.get("THINKIMG_NO_SKIPS") == "1" and report.skipped and not expected_to_fail:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{reason}\n(THINKIMG_NO_SKIPS=1 makes a skipped test fail)"
    return report
