"""One tiny model and some recorded episodes for all tests of trainers."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..workers.tiny_checkpoints import save_qwen_vl
from .recorded import dialect_named, record_three_turns


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_qwen_vl(tmp_path_factory.mktemp("tiny") / "model")


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run: ten episodes of three turns and two images."""
    folder = tmp_path_factory.mktemp("recorded")
    record_three_turns(folder, dialect_named("hermes"), 10)
    return folder
