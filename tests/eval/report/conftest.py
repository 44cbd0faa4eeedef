from __future__ import annotations

import pytest

from thinkimg_eval.report.writing import write_report
from thinkimg_eval.run.folder import RunFolder

from .episodes import EPISODES, origin, written


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run that is reported."""
    folder = written(tmp_path_factory.mktemp("runs") / "first", EPISODES, origin())
    write_report(folder)
    return folder
