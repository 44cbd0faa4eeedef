from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _cache_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What the datasets library makes of the tables here stays out of the user's cache."""
    import datasets

    datasets.config.HF_DATASETS_CACHE = Path(tmp_path_factory.getbasetemp()) / "datasets"
