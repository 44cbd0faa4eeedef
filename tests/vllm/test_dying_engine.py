"""What becomes of turns when vLLM's own process is gone."""

from __future__ import annotations

import asyncio
from pathlib import Path

import psutil
import pytest

from thinkimg_agent.conversation import Message
from thinkimg_agent.policies import PolicyFault
from thinkimg_agent.policies.vllm_engine import VllmPolicy

from .conftest import is_tracker

pytestmark = pytest.mark.timeout(300)  # an engine alone takes a minute to start


async def test_turns_are_aborted_and_the_policy_can_be_left(folder: Path) -> None:
    asked = [Message("user", ("What?",))]
    async with VllmPolicy(folder, enforce_eager=True) as policy:
        turns = [asyncio.ensure_future(policy.generate(asked, [], 4000)) for _ in range(4)]
        assert policy._engine is not None
        async with asyncio.timeout(60):
            # vLLM has no event for it.
            while policy._engine.get_num_unfinished_requests() < len(turns):  # noqa: ASYNC110
                await asyncio.sleep(0)
        (engine,) = (one for one in psutil.Process().children() if not is_tracker(one))
        engine.kill()
        faults = await asyncio.gather(*turns, return_exceptions=True)
        assert [type(fault) for fault in faults] == [PolicyFault] * 4
        with pytest.raises(PolicyFault, match="vllm:"):
            await policy.generate(asked, [], 4)
