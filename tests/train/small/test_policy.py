"""The small model as a policy, by the name of its stage."""

from __future__ import annotations

from pathlib import Path

import pytest

from thinkimg_agent.conversation import Message
from thinkimg_agent.dialects import DIALECTS
from thinkimg_agent.policies.choice import PolicyOptions, open_policy
from thinkimg_rpc.errors import InvalidRequest
from thinkimg_train.small.policy import MAX_IMAGE_PIXELS, STAGES, folder_of


def shipped(folder: Path, *stages: str) -> Path:
    for stage in stages:
        (folder / stage).mkdir()
        (folder / stage / "config.json").write_text("{}")
    return folder


async def test_the_base_writes_a_turn() -> None:
    async with open_policy("tiny:base", PolicyOptions(DIALECTS["hermes-brief"]())) as policy:
        turn = await policy.generate([Message("user", ("Which bar is the highest?",))], (), 4)
        assert policy.max_image_pixels == MAX_IMAGE_PIXELS
    assert 0 < turn.completion_tokens <= 4


async def test_without_a_stage_it_is_the_last_that_came_along() -> None:
    async with open_policy("tiny:") as policy:
        last = next(stage for stage in STAGES if str(policy.name).endswith(f"/{stage}"))
    assert folder_of("") == folder_of(last)


def test_stages_are_known_by_their_folders(tmp_path: Path) -> None:
    weights = shipped(tmp_path, "base", "sft")
    assert folder_of("base", weights) == weights / "base"
    assert folder_of("", weights) == weights / "sft"
    assert folder_of("", shipped(weights, "rl")) == weights / "rl"


def test_what_has_not_come_along_is_named(tmp_path: Path) -> None:
    weights = shipped(tmp_path, "base")
    with pytest.raises(InvalidRequest, match=r"reinforcement.*has not come along.*there is base"):
        folder_of("rl", weights)
    with pytest.raises(InvalidRequest, match='"tiny:large" is none; there is base'):
        folder_of("large", weights)
