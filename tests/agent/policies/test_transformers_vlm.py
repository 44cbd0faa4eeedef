"""Models of transformers as policies: tokens in and out, nothing tokenised twice.

The models are random and tiny; what is tested is what goes in and what comes out.
"""

from __future__ import annotations

import asyncio
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from PIL import Image

from thinkimg_agent.conversation import Message, numbered
from thinkimg_agent.dialects import HermesDialect
from thinkimg_agent.episode import Limits, run_episode
from thinkimg_agent.images import EpisodeImages
from thinkimg_agent.policies import ContextFull, PolicyFault
from thinkimg_agent.policies.choice import PolicyOptions, open_policy
from thinkimg_agent.policies.local_sampling import LocalSampling
from thinkimg_agent.policies.transformers_vlm import TransformersPolicy
from thinkimg_agent.sample import Sample
from thinkimg_rpc.client import Mesh
from thinkimg_workers.crop import Crop

from ...mesh_fixtures import png
from ...workers.tiny_checkpoints import QWEN, save_qwen_vl

MAX_TOKENS = 12


@pytest.fixture(scope="module", params=sorted(QWEN))
def any_family(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_qwen_vl(tmp_path_factory.mktemp(request.param), request.param)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_qwen_vl(tmp_path_factory.mktemp("qwen2_vl"))


async def conversation(question: str = "What is it?", images: int = 1) -> list[Message]:
    shown = EpisodeImages(4096)
    parts = [
        part for n in range(images) for part in numbered(await shown.add(png(40 + 20 * n, 48)))
    ]
    return [Message("system", ("Be brief.",)), Message("user", (*parts, question))]


async def test_the_first_prompt_is_the_models_own(any_family: Path) -> None:
    asked = await conversation()
    async with TransformersPolicy(any_family) as policy:
        generation = await policy.generate(asked, [], MAX_TOKENS)
    loader: Any = transformers.AutoProcessor
    processor = loader.from_pretrained(any_family)
    image = asked[1].parts[1]
    assert not isinstance(image, str)
    text = processor.apply_chat_template(
        [
            {"role": "system", "content": [{"type": "text", "text": "Be brief."}]},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "img_1 (40x48):"},
                    {"type": "image"},
                    {"type": "text", "text": "What is it?"},
                ],
            },
        ],
        add_generation_prompt=True,
    )
    expected = processor(text=[text], images=[Image.open(BytesIO(image.shown))])["input_ids"][0]
    assert generation.prompt_ids == tuple(expected)


async def test_what_was_sampled_goes_back_in_token_for_token(folder: Path) -> None:
    asked = await conversation()
    async with TransformersPolicy(folder) as policy:
        first = await policy.generate(asked, [], MAX_TOKENS)
        assert first.token_ids is not None
        # Tokens that decoding and encoding again would not give back.
        odd = (*first.token_ids[:3], 97, 98, 99)
        said = Message("assistant", (first.text,), token_ids=odd)
        second = await policy.generate([*asked, said, Message("user", ("Go on.",))], [], 4)
    assert first.prompt_ids is not None
    assert second.prompt_ids is not None
    assert second.prompt_ids[: len(first.prompt_ids) + len(odd)] == (*first.prompt_ids, *odd)


async def test_a_turn_that_ended_itself_is_ended_once(folder: Path) -> None:
    asked = await conversation()
    async with TransformersPolicy(folder) as policy:
        (end,) = policy._ends
        said = Message("assistant", ("a",), token_ids=(97, end))
        prompt = policy._chat.prompt([*asked, said, Message("user", ("Go on.",))])
        start = prompt.ids.index(97)
        assert prompt.ids[start : start + 2] == [97, end]
        assert prompt.ids[start + 2] != end


async def test_every_image_has_as_many_tokens_as_features(any_family: Path) -> None:
    async with TransformersPolicy(any_family) as policy:
        prompt = policy._chat.prompt(await conversation(images=3))
        merge = policy._model.config.vision_config.spatial_merge_size**2
        features = int(prompt.pixels["image_grid_thw"].prod(1).sum()) // merge
        assert prompt.ids.count(policy._model.config.image_token_id) == features


async def test_turns_written_in_one_pass_are_those_written_alone(folder: Path) -> None:
    asked = [await conversation("Why?" * (n + 1), images=n % 3) for n in range(4)]
    async with TransformersPolicy(folder, max_batch=1) as policy:
        alone = [await policy.generate(one, [], MAX_TOKENS) for one in asked]
    async with TransformersPolicy(folder, max_batch=4) as policy:
        together = await asyncio.gather(*(policy.generate(one, [], MAX_TOKENS) for one in asked))
    for one, other in zip(alone, together, strict=True):
        assert one.prompt_ids == other.prompt_ids
        assert one.token_ids == other.token_ids
        assert one.logprobs == pytest.approx(other.logprobs, abs=1e-4)


async def test_turns_that_end_leave_the_others_as_they_are(any_family: Path) -> None:
    asked = [await conversation("Why?" * (n + 1), images=n % 2 + 1) for n in range(4)]
    limits = (1, 90, 7, 90)  # some leave early, and the others outgrow the room they had
    async with TransformersPolicy(any_family, sampling=LocalSampling(temperature=1.0)) as policy:
        seeded = [policy.seeded(seed) for seed in range(4)]
        turns = list(zip(seeded, asked, limits, strict=True))
        together = await asyncio.gather(*(one.generate(said, [], n) for one, said, n in turns))
        alone = [await one.generate(said, [], n) for one, said, n in turns]
    assert max(one.completion_tokens for one in together) > 64
    for one, other in zip(alone, together, strict=True):
        assert one.token_ids == other.token_ids
        assert one.logprobs == pytest.approx(other.logprobs, abs=1e-4)


async def test_what_turns_begin_with_in_common_is_computed_once(any_family: Path) -> None:
    asked, other = await conversation(), await conversation("Why?", images=2)
    shapes: list[tuple[int, ...]] = []
    async with TransformersPolicy(any_family, sampling=LocalSampling(temperature=1.0)) as policy:
        turns = [(policy.seeded(n), other if n == 1 else asked, 4 + n) for n in range(4)]
        alone = [await one.generate(said, [], limit) for one, said, limit in turns]
        policy._model.register_forward_pre_hook(
            lambda _, inputs, named: shapes.append(tuple(named["input_ids"].shape)),
            with_kwargs=True,
        )
        together = await asyncio.gather(*(one.generate(said, [], n) for one, said, n in turns))
    longest = max(len(one.prompt_ids or ()) for one in alone)
    assert shapes[0] == (2, longest)
    for one, same in zip(alone, together, strict=True):
        assert (one.prompt_ids, one.token_ids) == (same.prompt_ids, same.token_ids)
        assert one.logprobs == pytest.approx(same.logprobs, abs=1e-4)
    assert len({one.token_ids for one in together}) > 1


async def test_log_probabilities_are_the_models_own(folder: Path) -> None:
    asked = await conversation()
    async with TransformersPolicy(folder) as policy:
        turn = await policy.generate(asked, [], MAX_TOKENS)
        prompt = policy._chat.prompt(asked)
        assert turn.token_ids is not None
        assert turn.logprobs is not None
        ids = torch.tensor([[*prompt.ids, *turn.token_ids]])
        types = {
            name: torch.tensor([values + [0] * len(turn.token_ids)])
            for name, values in prompt.per_token.items()
        }
        with torch.inference_mode():
            logits = policy._model(input_ids=ids, **types, **prompt.pixels).logits[0].clone()
            logits[:, policy._suppressed] = -torch.inf
        expected = logits.log_softmax(-1)[len(prompt.ids) - 1 : -1].gather(
            1, torch.tensor(turn.token_ids)[:, None]
        )
    assert turn.logprobs == pytest.approx(expected[:, 0].tolist(), abs=1e-3)


async def test_no_token_of_an_image_is_ever_sampled(folder: Path) -> None:
    sampling = LocalSampling(temperature=50.0)
    async with TransformersPolicy(folder, sampling=sampling) as policy:
        # A model that wants nothing else.
        image = policy._model.config.image_token_id
        with torch.no_grad():
            head = policy._model.get_output_embeddings()
            head.weight[image] *= 0
            head.weight[image] += 100 * head.weight.abs().max()
        asked = await conversation()
        turns = await asyncio.gather(*(policy.generate(asked, [], 30) for _ in range(4)))
    sampled = {token for turn in turns for token in turn.token_ids or ()}
    assert image not in sampled
    assert not sampled & set(policy._suppressed)


async def test_a_turn_that_is_cut_off_says_so_and_keeps_its_own_limit(folder: Path) -> None:
    asked = await conversation()
    async with TransformersPolicy(folder) as policy:
        short, longer = await asyncio.gather(
            policy.generate(asked, [], 3), policy.generate(asked, [], 9)
        )
    assert (short.completion_tokens, short.finish) == (3, "length")
    assert longer.token_ids is not None
    assert longer.token_ids[:3] == short.token_ids


async def test_a_context_the_model_cannot_take_in_is_told_apart(folder: Path) -> None:
    async with TransformersPolicy(folder) as policy:
        policy._longest = 20
        with pytest.raises(ContextFull, match="the model takes 20"):
            await policy.generate(await conversation(), [], 3)


async def test_a_pass_that_fails_is_the_policys_fault_and_the_next_one_works(folder: Path) -> None:
    asked = await conversation()
    async with TransformersPolicy(folder) as policy:
        whole = policy._model
        policy._model = None
        with pytest.raises(PolicyFault, match="NoneType"):
            await policy.generate(asked, [], 3)
        policy._model = whole
        assert (await policy.generate(asked, [], 3)).completion_tokens == 3


def test_a_folder_that_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyFault, match="cannot be loaded"):
        TransformersPolicy(tmp_path)


async def test_an_episode_keeps_every_token_where_the_model_saw_it(folder: Path) -> None:
    async with Mesh.local([Crop]) as mesh, TransformersPolicy(folder) as policy:
        trajectory = await run_episode(
            Sample("s", "What?", (png(),)),
            policy,
            mesh,
            Limits(max_turn_tokens=6, max_unparseable=3),
            dialect=HermesDialect(),
            tools=await mesh.contracts(),
        )
    assert trajectory.context_ids is not None
    assert trajectory.sampled is not None
    for turn, (start, end) in zip(trajectory.turns, trajectory.sampled, strict=True):
        assert trajectory.context_ids[start:end] == turn.token_ids


async def test_a_model_computes_in_what_it_is_told_to(folder: Path) -> None:
    async with open_policy(f"transformers:{folder}", PolicyOptions(dtype="bfloat16")) as policy:
        assert isinstance(policy, TransformersPolicy)
        assert policy._model.dtype == torch.bfloat16
        turn = await policy.generate(await conversation(), [], MAX_TOKENS)
    assert turn.completion_tokens == len(turn.token_ids or ())
