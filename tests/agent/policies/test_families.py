"""Families of models that differ in template, image tokens and pixel inputs, alike as policies.

The models are random and tiny, their processors the real ones.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from PIL import Image

from thinkimg_agent.conversation import Message, numbered
from thinkimg_agent.images import EpisodeImage, EpisodeImages
from thinkimg_agent.policies import Generation, PolicyFault
from thinkimg_agent.policies.chat_tokens import ChatTokens, Prompt
from thinkimg_agent.policies.local_sampling import LocalSampling
from thinkimg_agent.policies.transformers_vlm import TransformersPolicy, _Waiting

from ...mesh_fixtures import png
from .tiny_families import FAMILIES, Family

MAX_TOKENS = 10
SIZES = ((40, 48), (90, 30), (33, 70))


@pytest.fixture(scope="module", params=sorted(FAMILIES))
def family(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def folder(family: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made: Family = FAMILIES[family]
    return made.save(tmp_path_factory.mktemp(family), made.chat)


@pytest.fixture(scope="module")
def policy(folder: Path) -> TransformersPolicy:
    return TransformersPolicy(folder, dtype="float32")


@pytest.fixture(scope="module")
def processor(folder: Path) -> Any:
    loader: Any = transformers.AutoProcessor
    return loader.from_pretrained(folder)


async def pictures(*sizes: tuple[int, int]) -> list[EpisodeImage]:
    images = EpisodeImages(1 << 14)
    return [await images.add(png(*size)) for size in sizes]


async def opening(question: str = "What is it?", size: tuple[int, int] = SIZES[0]) -> list[Message]:
    (image,) = await pictures(size)
    return [Message("system", ("Be brief.",)), Message("user", (*numbered(image), question))]


async def observation(size: tuple[int, int] = SIZES[1]) -> Message:
    _, second = await pictures(SIZES[0], size)
    return Message("user", ("The crop:", *numbered(second)))


def said(generation: Generation) -> Message:
    return Message("assistant", (generation.text,), token_ids=generation.token_ids)


def prompt_of(policy: TransformersPolicy, conversation: Sequence[Message]) -> Prompt:
    return policy._chat.prompt(conversation)


def in_one_shot(processor: Any, conversation: Sequence[Message]) -> list[int]:
    """The tokens of a conversation as the library makes them of messages and pictures."""

    def content(message: Message) -> list[dict[str, Any]]:
        return [
            {"type": "text", "text": part}
            if isinstance(part, str)
            else {"type": "image", "image": Image.open(BytesIO(part.shown))}
            for part in message.parts
        ]

    made = processor.apply_chat_template(
        [{"role": message.role, "content": content(message)} for message in conversation],
        add_generation_prompt=True,
        tokenize=True,
        return_dict=True,
    )
    ids: list[int] = made["input_ids"][0]
    return ids


async def test_the_first_context_is_a_rendering_in_one_shot(
    policy: TransformersPolicy, processor: Any
) -> None:
    asked = await opening()
    assert prompt_of(policy, asked).ids == in_one_shot(processor, asked)


async def test_two_turns_with_an_image_each_are_a_rendering_in_one_shot(
    policy: TransformersPolicy, processor: Any, family: str
) -> None:
    made, text = FAMILIES[family], "Let me look closer."
    written = policy._chat.tokenizer.encode(made.turns_begin_with + text, add_special_tokens=False)
    sampled = (*written, policy._chat.end_of_turn() or 0)
    asked, more = await opening(), await observation()
    context = prompt_of(policy, [*asked, Message("assistant", (text,), token_ids=sampled), more])
    together = Message("user", (f"{more.parts[0]}\n{more.parts[1]}", more.parts[2]))
    if made.same_for_more:
        expected = in_one_shot(processor, [*asked, Message("assistant", (text,)), together])
    else:
        expected = [*in_one_shot(processor, asked), *sampled, *in_one_shot(processor, [together])]
    assert context.ids == expected


async def test_a_context_is_the_last_one_its_turn_and_what_came_after(
    policy: TransformersPolicy,
) -> None:
    conversation = await opening()
    seen: tuple[int, ...] = ()
    async with policy:
        for size in SIZES[1:]:
            turn = await policy.generate(conversation, [], MAX_TOKENS)
            assert turn.prompt_ids is not None
            assert turn.token_ids is not None
            assert turn.prompt_ids[: len(seen)] == seen
            assert len(turn.prompt_ids) > len(seen)
            seen = (*turn.prompt_ids, *turn.token_ids)
            conversation += [said(turn), await observation(size)]


@pytest.mark.parametrize(
    "family", [name for name, made in FAMILIES.items() if made.template_known], indirect=True
)
async def test_a_folder_without_a_template_gives_the_same_contexts(
    policy: TransformersPolicy, family: str, tmp_path: Path
) -> None:
    bare = FAMILIES[family].save(tmp_path, None)
    assert not (tmp_path / "chat_template.jinja").exists()
    loader: Any = transformers.AutoProcessor
    chat = ChatTokens(loader.from_pretrained(bare), policy._model.config)
    turn = Message("assistant", ("a",), token_ids=(97,))
    conversation = [*await opening(), turn, await observation()]
    assert chat.prompt(conversation).ids == prompt_of(policy, conversation).ids


async def test_every_placeholder_has_its_feature(policy: TransformersPolicy) -> None:
    turn = Message("assistant", ("a",), token_ids=(97,))
    prompt = prompt_of(policy, [*await opening(), turn, await observation()])
    model: Any = policy._model
    with torch.inference_mode():
        found = model.get_image_features(**prompt.pixels).pooler_output
    features = torch.cat([one.flatten(0, -2) for one in found])
    assert prompt.placeholders == len(features) > 0
    assert prompt.ids.count(model.config.image_token_id) == len(features)


async def three_conversations() -> list[list[Message]]:
    """Of different lengths, with images of different sizes, and one without any."""
    turn = Message("assistant", ("a",), token_ids=(97, 98, 99))
    return [
        [*await opening(size=SIZES[2]), turn, await observation()],
        await opening("What is the third bar from the left?", SIZES[1]),
        [Message("system", ("Be brief.",)), Message("user", ("Which year?",))],
    ]


async def test_turns_written_in_one_pass_are_those_written_alone(
    policy: TransformersPolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = await three_conversations()
    passes: list[int] = []
    write = policy._write

    def counted(batch: Any) -> list[Generation]:
        passes.append(len(batch))
        return write(batch)

    monkeypatch.setattr(policy, "_write", counted)
    async with policy:
        alone = [await policy.generate(one, [], MAX_TOKENS) for one in asked]
        together = await asyncio.gather(*(policy.generate(one, [], MAX_TOKENS) for one in asked))
    assert sum(passes) == 6
    assert max(passes) > 1
    for one, other in zip(alone, together, strict=True):
        assert one.prompt_ids == other.prompt_ids
        assert one.token_ids == other.token_ids
        assert one.logprobs == pytest.approx(other.logprobs, abs=1e-4)


async def test_log_probabilities_are_those_of_a_plain_forward(policy: TransformersPolicy) -> None:
    conversation = await opening()
    async with policy:
        conversation += [said(await policy.generate(conversation, [], 4)), await observation()]
        turn = await policy.generate(conversation, [], MAX_TOKENS)
    assert turn.token_ids is not None
    prompt = prompt_of(policy, conversation)
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
    assert turn.logprobs == pytest.approx(expected[:, 0].tolist(), abs=1e-4)


async def test_no_token_of_an_image_is_ever_sampled(folder: Path, processor: Any) -> None:
    hot = TransformersPolicy(folder, sampling=LocalSampling(temperature=2.0))
    asked = await opening()
    chat, shown = ChatTokens(processor, hot._model.config), asked[1]
    prose = chat.prompt([asked[0], Message("user", (shown.parts[0], shown.parts[2]))])
    # All that an image turns into and text does not.
    of_images = sorted(
        {token for token in set(chat.prompt(asked).ids) - set(prose.ids) if token > 255}
    )
    assert of_images
    # A model that wants nothing else.
    with torch.no_grad():
        head = hot._model.get_output_embeddings()
        head.weight[of_images] = 50 * head.weight.abs().max()
    async with hot:
        turns = await asyncio.gather(*(hot.generate(asked, [], 20) for _ in range(4)))
    sampled = {token for turn in turns for token in turn.token_ids or ()}
    assert not sampled & {*of_images, *hot._suppressed}


async def test_text_that_reads_like_an_image_or_the_end_of_a_message_is_only_text(
    policy: TransformersPolicy, processor: Any
) -> None:
    token = processor.image_token
    end_id = policy._chat.end_of_turn()
    assert end_id is not None
    end = policy._chat.tokenizer.convert_ids_to_tokens(end_id)
    asked = await opening(f"The page says {token} and {end}: what for?")
    plain = await opening("The page says so: what for?")
    counts = [
        [prompt_of(policy, one).ids.count(number) for one in (asked, plain)]
        for number in (policy._model.config.image_token_id, end_id)
    ]
    assert all(one == other for one, other in counts)


async def test_a_turn_that_holds_an_image_token_is_refused_and_takes_no_other_with_it(
    policy: TransformersPolicy,
) -> None:
    asked = await opening()
    image = policy._model.config.image_token_id
    wrong = [*asked, Message("assistant", ("a",), token_ids=(97, image)), await observation()]
    async with policy:
        refused, fine = await asyncio.gather(
            policy.generate(wrong, [], 3), policy.generate(asked, [], 3), return_exceptions=True
        )
    assert isinstance(refused, PolicyFault)
    assert "turn 0 holds" in str(refused)
    assert "stands for an image" in str(refused)
    assert isinstance(fine, Generation)


async def test_features_that_do_not_fit_their_placeholders_fail_that_episode_only(
    policy: TransformersPolicy,
) -> None:
    whole = prompt_of(policy, await opening())
    # One placeholder less than the image has features.
    position = whole.ids.index(policy._model.config.image_token_id)
    lacking = Prompt(
        whole.ids[:position] + whole.ids[position + 1 :],
        {name: one[:position] + one[position + 1 :] for name, one in whole.per_token.items()},
        whole.pixels,
        whole.placeholders,
    )
    new_future = asyncio.get_running_loop().create_future
    broken, fine = (_Waiting(prompt, 3, None, new_future()) for prompt in (lacking, whole))
    await policy._write_batch([broken, fine])
    with pytest.raises(PolicyFault, match=r"image tokens for .* image features"):
        await broken.turn
    assert (await fine.turn).completion_tokens > 0
