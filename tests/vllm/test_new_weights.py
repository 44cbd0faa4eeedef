"""vLLM goes on with a trainer's weights: what it writes after has the changed model's own
probabilities, also where it had computed the same context before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import peft
import pytest
import pytest_asyncio
import torch

from thinkimg_agent.conversation import Message, numbered
from thinkimg_agent.images import EpisodeImages
from thinkimg_agent.policies import Generation, PolicyFault
from thinkimg_agent.policies.policy import Policy
from thinkimg_train.grpo_config import RolloutSection, VllmSection
from thinkimg_train.rollouts.engines import Trained
from thinkimg_train.rollouts.merged_weights import merged_weights
from thinkimg_train.rollouts.vllm_engine import VllmEngine, open_vllm
from thinkimg_train.rollouts.vllm_server_engine import open_vllm_server

from ..mesh_fixtures import png
from .scoring import load, logprobs_of

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]
TOLERANCE = 1e-4
TEMPERATURE = 2.0


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["vllm", "vllm-server"])
async def engine(
    request: pytest.FixtureRequest, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[VllmEngine]:
    trained = Trained(str(folder), load(folder), seed=0)
    settings = VllmSection(
        dtype="float32", eager=True, weights_folder=str(tmp_path_factory.mktemp("weights"))
    )
    section = RolloutSection(engine=request.param, temperature=TEMPERATURE, vllm=settings)
    if request.param == "vllm":
        opened: Any = await open_vllm(section, trained)
    else:
        url = request.getfixturevalue("trainers_server")
        section = RolloutSection(
            engine="vllm-server", base_url=url, temperature=TEMPERATURE, vllm=settings
        )
        opened = await open_vllm_server(section, trained)
    try:
        yield opened
    finally:
        await opened.close()


@pytest.fixture(scope="module")
def model(engine: VllmEngine) -> Any:
    """What is trained."""
    return engine._module


async def conversation(question: str = "What is it?") -> list[Message]:
    image = await EpisodeImages(1 << 14).add(png(64, 48))
    return [Message("system", ("Be brief.",)), Message("user", (*numbered(image), question))]


def change(model: Any, seed: int) -> None:
    """A step of a trainer, in all weights, those that see the images included."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * parameter.std() * torch.randn_like(parameter))


async def furthest(policy: Policy, folder: Path, model: Any) -> float:
    """How far a turn's log-probabilities are from the model's own, at most."""
    asked = await conversation()
    turns = await asyncio.gather(*(policy.generate(asked, [], 40) for _ in range(4)))
    return max(distance(turn, folder, model) for turn in turns)


def distance(turn: Generation, folder: Path, model: Any) -> float:
    expected = logprobs_of(model, folder, turn, [png(64, 48)], TEMPERATURE)
    return float((torch.tensor(turn.logprobs) - expected).abs().max())


async def test_what_is_written_has_the_probabilities_of_the_trainers_weights(
    engine: VllmEngine, folder: Path, model: Any
) -> None:
    assert await furthest(engine.policy, folder, load(folder)) < TOLERANCE
    for step in (1, 2):
        before = await furthest(engine.policy, folder, model)
        assert before < TOLERANCE
        change(model, step)
        assert await furthest(engine.policy, folder, model) > 100 * TOLERANCE
        await engine.follow(lambda: merged_weights(model), step)
        # The same context as before, image and all: nothing of it is remembered.
        assert await furthest(engine.policy, folder, model) < TOLERANCE


async def test_what_an_adapter_changes_goes_along(
    engine: VllmEngine, folder: Path, model: Any
) -> None:
    settings: Any = peft.LoraConfig
    adapted: Any = peft.get_peft_model(
        load(folder), settings(r=4, lora_alpha=8, target_modules="all-linear")
    ).eval()
    torch.manual_seed(0)
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if "lora_B" in name:
                parameter.normal_(0, 0.05)
    before = {name: one.clone() for name, one in adapted.named_parameters()}
    await engine.follow(lambda: merged_weights(adapted), 3)
    assert await furthest(engine.policy, folder, adapted) < TOLERANCE
    assert await furthest(engine.policy, folder, load(folder)) > 100 * TOLERANCE
    for name, parameter in adapted.named_parameters():
        assert torch.equal(parameter, before[name])


async def test_turns_in_flight_are_finished_with_the_weights_they_began_with(
    engine: VllmEngine, folder: Path, model: Any
) -> None:
    await engine.follow(lambda: merged_weights(model), 4)
    old = load(folder)
    old.load_state_dict(model.state_dict())
    change(model, 5)
    asked = await conversation()
    policy = engine.policy
    first = [asyncio.ensure_future(policy.generate(asked, [], 400)) for _ in range(4)]
    await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
    following = asyncio.ensure_future(engine.follow(lambda: merged_weights(model), 5))
    second = [asyncio.ensure_future(policy.generate(asked, [], 40)) for _ in range(4)]
    await following
    for turn in [*await asyncio.gather(*first), *await asyncio.gather(*second)]:
        assert min(distance(turn, folder, old), distance(turn, folder, model)) < TOLERANCE
    after = await policy.generate(asked, [], 40)
    assert distance(after, folder, model) < TOLERANCE


async def test_nothing_is_left_where_weights_were_handed_over(engine: VllmEngine) -> None:
    assert list(engine._folder.iterdir()) == []


async def test_weights_that_are_not_there_are_a_fault(engine: VllmEngine, tmp_path: Path) -> None:
    with pytest.raises(PolicyFault, match="vllm"):
        await engine.policy.take_weights(tmp_path / "nothing", "6")
