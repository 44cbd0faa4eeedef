"""Everything the benchmark compares, running."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

import pytest

from bench.arena import Entrant, open_arena


@pytest.fixture
async def entrants() -> AsyncIterator[Mapping[str, Entrant]]:
    """The mesh's real processes and every yardstick."""
    async with open_arena() as entrants:
        yield entrants
