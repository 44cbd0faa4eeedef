"""What `thinkimg train sft` writes is a model for vLLM like any other."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import torch

from thinkimg_agent.conversation import Message, numbered
from thinkimg_agent.images import EpisodeImages
from thinkimg_agent.policies.vllm_engine import VllmPolicy

from ..mesh_fixtures import png
from ..train.recorded import dialect_named, record_three_turns
from ..train.runs import make_run
from .scoring import load, logprobs_of

TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def fine_tuned(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    recorded = tmp_path_factory.mktemp("recorded")
    record_three_turns(recorded, dialect_named("hermes"), 4)
    return make_run(tmp_path_factory.mktemp("run"), folder, recorded, schedule__steps=2)


@pytest.mark.timeout(300)  # an engine alone takes a minute to start
async def test_it_writes_with_the_probabilities_that_transformers_gives(
    fine_tuned: Path, folder: Path
) -> None:
    picture = png(64, 48)
    image = await EpisodeImages(1 << 14).add(picture)
    asked = [Message("user", (*numbered(image), "Which bar is higher?"))]
    async with VllmPolicy(fine_tuned, enforce_eager=True, dtype="float32") as policy:
        turns = await asyncio.gather(*(policy.generate(asked, [], 20) for _ in range(4)))
    trained, before = load(fine_tuned), load(folder)
    for turn in turns:
        written = torch.tensor(turn.logprobs)
        expected = logprobs_of(trained, fine_tuned, turn, [picture], temperature=1.0)
        assert (written - expected).abs().max() < TOLERANCE
        assert (written - logprobs_of(before, folder, turn, [picture], 1.0)).abs().max() > 0.01
