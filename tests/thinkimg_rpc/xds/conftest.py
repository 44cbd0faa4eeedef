"""A hub with an xDS port."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from thinkimg_rpc.hub.hub import Hub
from thinkimg_rpc.settings import HubSettings


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    running = Hub(HubSettings(address="127.0.0.1:0", xds_address="127.0.0.1:0", drain_s=1.0))
    await running.start()
    yield running
    await running.drain()
