"""vLLM in process: whole episodes, many at once, and the model's own probabilities.

The model is random and tiny, vLLM is real. What it did is held against transformers,
which is given the record of the episode and nothing else.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import pytest_asyncio
import torch
import transformers
from PIL import Image

from thinkimg_agent.conversation import Message, numbered
from thinkimg_agent.episode import Limits, run_episode
from thinkimg_agent.images import EpisodeImages
from thinkimg_agent.policies import ContextFull, PolicyFault
from thinkimg_agent.policies.choice import PolicyOptions, open_policy
from thinkimg_agent.policies.local_sampling import GREEDY, LocalSampling
from thinkimg_agent.policies.vllm_engine import VllmPolicy
from thinkimg_agent.trajectory import StopReason, Trajectory
from thinkimg_rpc.client import Mesh
from thinkimg_workers.crop import Crop

from ..mesh_fixtures import png
from .conftest import ENDS, is_tracker
from .crop_always import CropAlways, sample

# An engine alone takes a minute to start where there is other work.
pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]
TEMPERATURE = 2.0
TURN_TOKENS = 400
TOLERANCE = 1e-4
"""Of a log-probability: vLLM and transformers add up in different orders."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def policy(folder: Path) -> AsyncIterator[VllmPolicy]:
    sampling = LocalSampling(temperature=TEMPERATURE)
    # By itself vLLM takes float32 for bfloat16.
    options: dict[str, Any] = {"enforce_eager": True, "dtype": "float32"}
    before = psutil.Process().children(recursive=True)
    async with VllmPolicy(folder, sampling=sampling, **options) as policy:
        started = psutil.Process().children(recursive=True)
        engine = [one for one in started if one not in before and not is_tracker(one)]
        assert engine
        yield policy
    assert psutil.wait_procs(engine, timeout=10)[1] == []


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def trajectories(policy: VllmPolicy) -> list[Trajectory]:
    """Sixteen episodes at once, of four samples."""
    async with Mesh.local([Crop]) as mesh:
        tools = await mesh.contracts()
        limits = Limits(max_turns=3, max_turn_tokens=TURN_TOKENS)
        episodes = [
            run_episode(sample(number % 4), policy, mesh, limits, dialect=CropAlways(), tools=tools)
            for number in range(16)
        ]
        return await asyncio.gather(*episodes)


async def test_episodes_run_to_their_end_side_by_side(trajectories: list[Trajectory]) -> None:
    assert {one.stop for one in trajectories} == {StopReason.TURN_LIMIT}, trajectories[0]
    for one in trajectories:
        assert [len(turn.token_ids or ()) > 0 for turn in one.turns] == [True] * 3
        assert len(one.images) == 4


async def test_rollouts_of_one_sample_differ(trajectories: list[Trajectory]) -> None:
    assert len({tuple(one.turns[0].token_ids or ()) for one in trajectories}) > 12


async def test_what_was_sampled_stands_in_the_context_where_the_record_says(
    trajectories: list[Trajectory],
) -> None:
    for one in trajectories:
        assert one.context_ids is not None
        assert one.sampled is not None
        for turn, (start, end) in zip(one.turns, one.sampled, strict=True):
            assert one.context_ids[start:end] == turn.token_ids
            assert start == turn.prompt_tokens
        assert one.sampled[-1][1] == len(one.context_ids)


async def test_the_context_is_that_of_the_training_forward(
    policy: VllmPolicy, folder: Path, trajectories: list[Trajectory]
) -> None:
    loader: Any = transformers.AutoProcessor
    processor = loader.from_pretrained(folder)
    for one in trajectories:
        pixels = _pixels(processor, one)
        features = int(pixels["image_grid_thw"].prod(1).sum()) // 4
        assert one.context_ids is not None
        assert one.context_ids.count(processor.image_token_id) == features


async def test_log_probabilities_are_those_of_transformers(
    policy: VllmPolicy, folder: Path, trajectories: list[Trajectory]
) -> None:
    loader: Any = transformers.AutoProcessor
    processor = loader.from_pretrained(folder)
    model: Any = transformers.AutoModelForImageTextToText
    model = model.from_pretrained(folder, dtype=torch.float32).eval()
    furthest = 0.0
    for one in trajectories:
        assert one.context_ids is not None
        assert one.sampled is not None
        ids = torch.tensor([one.context_ids])
        with torch.inference_mode():
            logits = model(
                input_ids=ids,
                mm_token_type_ids=(ids == processor.image_token_id).int(),
                **_pixels(processor, one),
            ).logits[0]
        logits = logits.float() / TEMPERATURE
        logits[:, policy._never_sampled] = -torch.inf
        for turn, (start, end) in zip(one.turns, one.sampled, strict=True):
            expected = logits[start - 1 : end - 1].log_softmax(-1)
            expected = expected.gather(1, ids[0, start:end, None])[:, 0]
            assert turn.logprobs is not None
            assert max(turn.logprobs) <= 0
            furthest = max(furthest, (torch.tensor(turn.logprobs) - expected).abs().max().item())
    assert furthest < TOLERANCE


def _pixels(processor: Any, trajectory: Trajectory) -> dict[str, torch.Tensor]:
    pictures = [
        Image.open(io.BytesIO(trajectory.pictures[image.shown_digest]))
        # What the last turn led to, no turn has seen.
        for image in trajectory.images
        if image.turn < len(trajectory.turns) - 1
    ]
    return dict(processor.image_processor(images=pictures, return_tensors="pt"))


async def conversation(question: str = "What is it?") -> list[Message]:
    image = await EpisodeImages(1 << 14).add(png(64, 48))
    return [Message("system", ("Be brief.",)), Message("user", (*numbered(image), question))]


async def test_no_token_of_an_image_is_sampled(policy: VllmPolicy) -> None:
    asked = await conversation()
    turns = await asyncio.gather(*(policy.generate(asked, [], 400) for _ in range(128)))
    sampled = [token for turn in turns for token in turn.token_ids or ()]
    kinds = ("image_pad", "video_pad", "vision_start", "vision_end", "vision_pad")
    never = [f"<|{kind}|>" for kind in kinds]
    forbidden = set(policy._chat.tokenizer.convert_tokens_to_ids(never))
    # By chance there would be dozens of these five of 263.
    assert len(sampled) > 1000
    assert not forbidden.intersection(sampled)


async def test_a_turn_that_ends_itself_has_its_last_token_and_no_text_of_it(
    policy: VllmPolicy,
) -> None:
    asked = await conversation()
    turns = await asyncio.gather(*(policy.generate(asked, [], 400) for _ in range(16)))
    ends = {policy._chat.tokenizer.eos_token_id, *ENDS}
    for turn in turns:
        *said, last = turn.token_ids or ()
        assert turn.finish == "stop"
        assert last in ends
        assert not ends.intersection(said)
        assert turn.text == policy._chat.tokenizer.decode(said)


async def test_the_next_context_begins_with_this_one_and_its_tokens(policy: VllmPolicy) -> None:
    asked = await conversation()
    # Bytes of one letter: the tokenizer itself would never write it so after decoding.
    odd = (195, 169, 97, 98)
    first = await policy.generate(asked, [], 5)
    said = Message("assistant", (first.text,), token_ids=odd)
    second = await policy.generate([*asked, said, Message("user", ("Go on.",))], [], 5)
    assert first.prompt_ids is not None
    assert second.prompt_ids is not None
    assert second.prompt_ids[: len(first.prompt_ids) + 4] == (*first.prompt_ids, *odd)


async def test_a_turn_keeps_its_limit(policy: VllmPolicy) -> None:
    turn = await policy.generate(await conversation(), [], 3)
    assert turn.token_ids is not None
    assert len(turn.token_ids) == turn.completion_tokens <= 3
    # A random model may end a turn by itself, also with the last token that it has.
    ends = {policy._chat.tokenizer.eos_token_id, *ENDS}
    assert (turn.finish == "stop") == (turn.token_ids[-1] in ends)


async def test_a_context_without_images_is_taken(policy: VllmPolicy) -> None:
    turn = await policy.generate([Message("user", ("Hello",))], [], 3)
    assert turn.completion_tokens


async def test_a_context_that_is_too_long_is_told_apart(policy: VllmPolicy) -> None:
    with pytest.raises(ContextFull, match="the model takes 8192"):
        await policy.generate(await conversation("why? " * 2000), [], 3)


async def test_a_turn_ends_where_the_models_context_does(policy: VllmPolicy) -> None:
    known = await policy.generate(await conversation(""), [], 1)
    left = 8192 - known.prompt_tokens
    turn = await policy.generate(await conversation("x" * (left - 2)), [], 100)
    assert turn.completion_tokens <= 2


async def test_an_episode_that_is_given_up_holds_up_no_other(policy: VllmPolicy) -> None:
    # The image is new to vLLM, and the first to bring it goes away with it.
    image = await EpisodeImages(1 << 14).add(png(96, 96))
    asked = [Message("user", (*numbered(image), "What?"))]
    given_up = [asyncio.ensure_future(policy.generate(asked, [], 500)) for _ in range(8)]
    others = [asyncio.ensure_future(policy.generate(asked, [], 5)) for _ in range(8)]
    for number, one in enumerate(given_up):
        for _ in range(number):
            await asyncio.sleep(0)
        one.cancel()
    turns = await asyncio.gather(*others)
    assert all(turn.completion_tokens for turn in turns)
    await asyncio.gather(*given_up, return_exceptions=True)


async def test_an_image_is_taken_in_once_however_many_turns_show_it(policy: VllmPolicy) -> None:
    image = await EpisodeImages(1 << 14).add(png(72, 88))
    asked = [Message("user", (*numbered(image), *numbered(image), "What?"))]
    assert policy._engine is not None
    cache = policy._engine.renderer.mm_processor_cache
    await policy.generate(asked, [], 3)
    before = cache.make_stats()
    turns = await asyncio.gather(*(policy.generate(asked, [], 3) for _ in range(4)))
    since = cache.make_stats()
    assert since.total - before.total == since.hits - before.hits > 0
    assert len({turn.prompt_ids for turn in turns}) == 1


async def test_an_image_that_the_engine_lost_is_sent_anew(policy: VllmPolicy) -> None:
    asked = await conversation()
    await policy.generate(asked, [], 3)
    assert policy._engine is not None
    await policy._engine.engine_core.reset_mm_cache_async()
    assert (await policy.generate(asked, [], 3)).completion_tokens


async def test_an_image_that_is_found_lost_while_it_is_looked_up_is_sent_anew(
    policy: VllmPolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = await conversation()
    await policy.generate(asked, [], 3)
    assert policy._engine is not None
    cache = policy._engine.renderer.mm_processor_cache

    def lost(digest: str) -> None:
        monkeypatch.undo()
        cache.invalidate(digest)

    monkeypatch.setattr(cache, "touch_sender_cache_item", lost)
    assert (await policy.generate(asked, [], 3)).completion_tokens
    assert cache.touch_sender_cache_item is not lost


async def test_without_a_temperature_the_likeliest_tokens_are_taken(
    policy: VllmPolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policy, "_sampling", GREEDY)
    asked = await conversation()
    turns = await asyncio.gather(*(policy.generate(asked, [], 8) for _ in range(4)))
    assert len({turn.token_ids for turn in turns}) == 1


async def test_the_name_of_a_policy_says_all_that_it_needs(folder: Path) -> None:
    options = PolicyOptions(temperature=0.5, seed=3, max_image_pixels=777, dtype="float32")
    named = open_policy(f"vllm:{folder}", options)
    assert isinstance(named, VllmPolicy)
    assert named.name == f"vllm:{folder}"
    assert named.max_image_pixels == 777
    assert named._sampling == LocalSampling(temperature=0.5, seed=3)
    assert named._options["dtype"] == "float32"


async def test_a_policy_that_is_not_started_says_so(folder: Path) -> None:
    with pytest.raises(PolicyFault, match="async with"):
        await VllmPolicy(folder).generate(await conversation(), [], 3)


async def test_a_folder_that_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyFault, match="cannot be loaded"):
        VllmPolicy(tmp_path)


async def test_options_that_vllm_does_not_take_are_refused(folder: Path) -> None:
    with pytest.raises(PolicyFault, match=r"does not start.*max_model_len"):
        async with VllmPolicy(folder, max_model_len=1 << 20):
            raise AssertionError("it started")
