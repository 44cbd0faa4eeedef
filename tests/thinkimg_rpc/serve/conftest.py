"""Fake children and bounded waits."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from thinkimg_rpc.serve.child import ChildSpec
from thinkimg_rpc.serve.supervisor import Supervisor

FAKE_CHILD = Path(__file__).with_name("fake_child.py")
MakeSpec = Callable[..., ChildSpec]


@pytest.fixture
def fake(tmp_path: Path) -> MakeSpec:
    """Makes the spec of a fake child: fake("crash"), fake("serve", name="ocr-0")."""

    def make(behaviour: str, *arguments: str, name: str = "fake-0") -> ChildSpec:
        command = (sys.executable, str(FAKE_CHILD), behaviour, *arguments)
        return ChildSpec(name, command, dict(os.environ), tmp_path / f"{name}.log")

    return make


@pytest.fixture
async def supervisor() -> AsyncIterator[Supervisor]:
    """A supervisor that leaves nothing behind when the test ends."""
    async with Supervisor(lambda child: None) as entered:
        yield entered
