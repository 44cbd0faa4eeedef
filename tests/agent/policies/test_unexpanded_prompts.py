"""Contexts for engines that put in the placeholders of images themselves."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
import transformers

from thinkimg_agent.conversation import Message, numbered
from thinkimg_agent.images import EpisodeImages
from thinkimg_agent.policies.chat_tokens import ChatTokens

from ...mesh_fixtures import png
from ...workers.tiny_checkpoints import QWEN, save_qwen_vl


@pytest.mark.parametrize("family", sorted(QWEN))
async def test_only_the_number_of_placeholders_differs(family: str, tmp_path: Path) -> None:
    folder = save_qwen_vl(tmp_path, family)
    loader: Any = transformers.AutoProcessor
    config = transformers.AutoConfig.from_pretrained(folder)
    chat = ChatTokens(loader.from_pretrained(folder), config)
    images = EpisodeImages(1 << 14)
    first, second = [numbered(await images.add(png(width, 70))) for width in (90, 120)]
    end = chat.tokenizer.convert_tokens_to_ids("<|im_end|>")
    conversation = [
        Message("system", ("Be brief.",)),
        Message("user", (*first, "What is <|image_pad|>?")),
        Message("assistant", ("?",), token_ids=(97, 98, end)),
        Message("user", ("Here:", *second)),
    ]
    whole = chat.prompt(conversation).ids
    image = config.image_token_id
    collapsed = [
        token
        for token, run in groupby(whole)
        for token in ([token] if token == image else list(run))
    ]
    assert whole.count(image) > 2
    assert chat.unexpanded(conversation) == collapsed
