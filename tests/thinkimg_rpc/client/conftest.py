from __future__ import annotations

import pytest

from ...wiretap import Wiretap


@pytest.fixture
def tap(monkeypatch: pytest.MonkeyPatch) -> Wiretap:
    """Notes what reaches the workers that are started from now on."""
    wiretap = Wiretap()
    monkeypatch.setattr("thinkimg_rpc.server.worker.interceptors", wiretap.with_token)
    return wiretap
