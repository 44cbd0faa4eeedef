"""What a model's chat template takes is found out when the model is loaded."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from thinkimg_agent.conversation import Message, numbered
from thinkimg_agent.images import EpisodeImages
from thinkimg_agent.policies import PolicyFault
from thinkimg_agent.policies.chat_tokens import ChatTokens

from ...mesh_fixtures import png
from ...workers.tiny_checkpoints import save_qwen_vl
from .family_chats import GEMMA3, QWEN2_VL, QWEN3_VL_THINKING, QWEN_IMAGE, TEXT_ONLY

SKIP_SYSTEM = "{% for message in messages if message['role'] != 'system' %}"
TURN = Message("assistant", ("ab</think>c",))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_qwen_vl(tmp_path_factory.mktemp("qwen2_vl"))


def chat_of(folder: Path, template: str | dict[str, str]) -> ChatTokens:
    loader: Any = transformers.AutoProcessor
    processor = loader.from_pretrained(folder)
    processor.chat_template = template
    return ChatTokens(processor, transformers.AutoConfig.from_pretrained(folder))


def text_of(chat: ChatTokens, conversation: list[Message]) -> str:
    """What the model reads, an image as one placeholder."""
    text: str = chat.tokenizer.decode(chat.prompt(conversation).ids)
    while "<|image_pad|><|image_pad|>" in text:
        text = text.replace("<|image_pad|><|image_pad|>", "<|image_pad|>")
    return text


async def conversation() -> list[Message]:
    images = EpisodeImages(4096)
    first, second = await images.add(png(40, 48)), await images.add(png(60, 48))
    return [
        Message("system", ("Be brief.",)),
        Message("user", (*numbered(first), "Why?")),
        TURN,
        Message("user", ("A crop:", *numbered(second))),
    ]


async def test_a_thought_that_the_template_forgets_stays_in_the_context(folder: Path) -> None:
    assert text_of(chat_of(folder, QWEN3_VL_THINKING), await conversation()) == (
        "<|im_start|>system\nBe brief.<|im_end|>\n"
        f"<|im_start|>user\nimg_1 (40x48):{QWEN_IMAGE}Why?<|im_end|>\n"
        "<|im_start|>assistant\n<think>\nab</think>c<|im_end|>\n"
        f"<|im_start|>user\nA crop:\nimg_2 (60x48):{QWEN_IMAGE}<|im_end|>\n"
        "<|im_start|>assistant\n<think>\n"
    )


async def test_a_template_of_text_without_a_system_gets_both_in_the_first_message(
    folder: Path,
) -> None:
    template = TEXT_ONLY.replace("message['content'] +", "message['content'] | trim +")
    text = text_of(chat_of(folder, template), await conversation())
    assert text.startswith(
        "<|im_start|>user\nBe brief.\n\nimg_1 (40x48):\n<|image_pad|>\nWhy?<|im_end|>\n"
    )
    assert text.endswith("img_2 (60x48):\n<|image_pad|><|im_end|>\n<|im_start|>assistant\n")


async def test_a_template_that_passes_over_the_system_gets_its_words_in_the_first_message(
    folder: Path,
) -> None:
    template = QWEN2_VL.replace("{% for message in messages %}", SKIP_SYSTEM)
    text = text_of(chat_of(folder, template), await conversation())
    assert "<|im_start|>user\nBe brief.\n\nimg_1 (40x48):<|vision_start|>" in text


async def test_results_of_several_calls_are_one_message_where_roles_must_alternate(
    folder: Path,
) -> None:
    first, second = Message("tool", ("one",), call_id="a"), Message("tool", ("two",), call_id="b")
    asked = [*(await conversation())[:3], first, second, Message("user", ("Go on.",))]
    template = GEMMA3.replace("<start_of_image>", "<|image_pad|>")
    template = template.replace("{{ bos_token }}", "")
    assert text_of(chat_of(folder, template), asked).endswith(
        "<end_of_turn>\n<start_of_turn>user\none\ntwo\nGo on.<end_of_turn>\n<start_of_turn>model\n"
    )


@pytest.mark.parametrize(
    ("template", "lost"),
    [
        (
            QWEN2_VL.replace(QWEN_IMAGE, "").replace(
                "{{ message['content'] }}",
                "{{ message['content'] | replace('<|image_pad|>', '') }}",
            ),
            "it drops images",
        ),
        ("{% for message in messages %}{{ message['role'] }}{% endfor %}", "the model's own turns"),
        ("{% for one in messages[2:] %}{{ one.content[0].text }}{% endfor %}", "it drops text"),
        ("{{ raise_exception('never') }}", "never"),
        ("{% for", "TemplateSyntaxError"),
    ],
    ids=["images", "turns", "text", "refuses", "broken"],
)
def test_a_template_that_would_drop_something_is_refused_at_the_start(
    template: str, lost: str, folder: Path
) -> None:
    with pytest.raises(PolicyFault, match=lost):
        chat_of(folder, template)


async def test_of_several_templates_the_default_is_taken(folder: Path) -> None:
    chat = chat_of(folder, {"tool_use": "{{ raise_exception('no') }}", "default": QWEN2_VL})
    assert text_of(chat, await conversation()).startswith("<|im_start|>system\nBe brief.<|im_end|>")


async def test_a_family_whose_images_run_beside_the_tokens_is_refused_in_plain_words(
    folder: Path,
) -> None:
    chat = chat_of(folder, QWEN2_VL)
    make = chat._processor

    class LooksAside:
        image_token = make.image_token

        def __call__(self, **options: Any) -> Any:
            made = make(**options)
            made["cross_attention_mask"] = torch.ones(*made["input_ids"].shape, 2, 4)
            return made

    chat._processor = LooksAside()
    with pytest.raises(PolicyFault, match="cross_attention_mask belongs to tokens"):
        chat.prompt(await conversation())


async def test_many_threads_make_prompts_at_once(folder: Path) -> None:
    chat = chat_of(folder, QWEN2_VL)
    asked = [[*await conversation(), Message("user", (f"{n}?" * n,))] for n in range(24)]
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(chat.prompt, asked))
    fresh = chat_of(folder, QWEN2_VL)
    assert [one.ids for one in together] == [fresh.prompt(one).ids for one in asked]
