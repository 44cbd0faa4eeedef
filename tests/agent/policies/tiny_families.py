"""Every family of image-text-to-text models, random and tiny, as folders on disk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers.processors import TemplateProcessing

from ...workers.tiny_checkpoints import byte_tokenizer, enliven, save_molmo2, save_qwen_vl
from . import family_chats

_VISION = {
    "hidden_size": 32,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
}


@dataclass(frozen=True)
class Family:
    """How to make one, and how its template departs from what it asks a model for."""

    save: Callable[[Path, str | None], Path]
    chat: str
    """Its template."""
    turns_begin_with: str = ""
    """What the model writes itself of what the template writes before a turn that is over."""
    same_for_more: bool = True
    """Whether an image has the same tokens whatever other images there are."""
    template_known: bool = True
    """Whether a folder may lack it."""


def _language_model(tokenizer: Any, **more: Any) -> dict[str, Any]:
    return {
        "vocab_size": len(tokenizer),
        "hidden_size": 32,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": 16,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        **more,
    }


def _save(folder: Path, model: Any, processor: Any, ends: list[int]) -> Path:
    enliven(model)
    settings = model.generation_config
    settings.eos_token_id, settings.pad_token_id = ends, processor.tokenizer.pad_token_id
    # As checkpoints recommend it, which is not what a policy was asked for.
    settings.do_sample, settings.top_k, settings.repetition_penalty = True, 3, 1.5
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def _qwen(family: str) -> Callable[[Path, str | None], Path]:
    def save(folder: Path, chat: str | None) -> Path:
        save_qwen_vl(folder, family)
        loader: Any = transformers.AutoProcessor
        processor = loader.from_pretrained(folder)
        (folder / "chat_template.jinja").unlink()
        processor.chat_template, processor.tokenizer.chat_template = chat, None
        processor.save_pretrained(folder)
        return folder

    return save


def _molmo2(folder: Path, chat: str | None) -> Path:
    return save_molmo2(folder)


def _llava_onevision(folder: Path, chat: str | None) -> Path:
    torch.manual_seed(0)
    special = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<image>", "<video>")
    tokenizer = byte_tokenizer(special)
    pinpoints = [[28, 28], [28, 56], [56, 28], [56, 56]]
    config: Any = transformers.LlavaOnevisionConfig
    config = config(
        text_config={"model_type": "qwen2", **_language_model(tokenizer)},
        vision_config={
            **_VISION,
            "model_type": "siglip_vision_model",
            "image_size": 28,
            "patch_size": 14,
            "vision_use_head": False,
        },
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        video_token_index=tokenizer.convert_tokens_to_ids("<video>"),
        image_grid_pinpoints=pinpoints,
    )
    images: Any = transformers.LlavaOnevisionImageProcessor
    videos: Any = transformers.LlavaOnevisionVideoProcessor
    processor: Any = transformers.LlavaOnevisionProcessor
    processor = processor(
        image_processor=images(size={"height": 28, "width": 28}, image_grid_pinpoints=pinpoints),
        tokenizer=tokenizer,
        video_processor=videos(),
        num_image_tokens=4,
        vision_feature_select_strategy="full",
        chat_template=chat,
    )
    model: Any = transformers.LlavaOnevisionForConditionalGeneration(config)
    return _save(folder, model, processor, [tokenizer.eos_token_id])


def _internvl(folder: Path, chat: str | None) -> Path:
    torch.manual_seed(0)
    special = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
    images_as = {
        "start_image_token": "<img>",
        "end_image_token": "</img>",
        "context_image_token": "<IMG_CONTEXT>",
        "video_token": "<video>",
    }
    tokenizer = byte_tokenizer(special, extra_special_tokens=images_as)
    config: Any = transformers.InternVLConfig
    config = config(
        text_config={"model_type": "qwen2", **_language_model(tokenizer)},
        vision_config={**_VISION, "image_size": [28, 28], "patch_size": [7, 7]},
        image_token_id=tokenizer.context_image_token_id,
        image_seq_length=4,
    )
    images: Any = transformers.GotOcr2ImageProcessor
    videos: Any = transformers.InternVLVideoProcessor
    processor: Any = transformers.InternVLProcessor
    processor = processor(
        image_processor=images(size={"height": 28, "width": 28}, crop_to_patches=True),
        tokenizer=tokenizer,
        video_processor=videos(),
        image_seq_length=4,
        chat_template=chat,
    )
    model: Any = transformers.InternVLForConditionalGeneration(config)
    return _save(folder, model, processor, [tokenizer.eos_token_id])


_IDEFICS_TILES = (
    *("<fake_token_around_image>", "<image>", "<global-img>"),
    *(f"<row_{row}_col_{column}>" for row in range(1, 7) for column in range(1, 7)),
)


def _smolvlm(folder: Path, chat: str | None) -> Path:
    special = ("<|im_end|>", "<|im_start|>", "<end_of_utterance>", *_IDEFICS_TILES)
    tokenizer = byte_tokenizer(special, bos_token="<|im_start|>", eos_token="<end_of_utterance>")
    videos: Any = transformers.SmolVLMVideoProcessor
    return _idefics(
        folder,
        tokenizer,
        transformers.SmolVLMConfig,
        transformers.SmolVLMForConditionalGeneration,
        transformers.SmolVLMImageProcessor,
        transformers.SmolVLMProcessor,
        video_processor=videos(),
        chat_template=chat,
    )


def _idefics3(folder: Path, chat: str | None) -> Path:
    special = ("<pad>", "<|begin_of_text|>", "<end_of_utterance>", *_IDEFICS_TILES)
    tokenizer = byte_tokenizer(special, bos_token="<|begin_of_text|>")
    return _idefics(
        folder,
        _begins_with_bos(tokenizer),
        transformers.Idefics3Config,
        transformers.Idefics3ForConditionalGeneration,
        transformers.Idefics3ImageProcessor,
        transformers.Idefics3Processor,
        chat_template=chat,
    )


def _idefics(
    folder: Path, tokenizer: Any, config: Any, model: Any, images: Any, processor: Any, **more: Any
) -> Path:
    torch.manual_seed(0)
    tiles = {"longest_edge": 28}
    processor = processor(
        image_processor=images(size={"longest_edge": 84}, max_image_size=tiles),
        tokenizer=tokenizer,
        image_seq_len=4,
        **more,
    )
    config = config(
        text_config={"model_type": "llama", **_language_model(tokenizer)},
        vision_config={**_VISION, "image_size": 28, "patch_size": 7},
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        scale_factor=2,
    )
    return _save(folder, model(config), processor, [tokenizer.eos_token_id])


def _gemma3(folder: Path, chat: str | None) -> Path:
    torch.manual_seed(0)
    special = ("<pad>", "<start_of_turn>", "<end_of_turn>", "<bos>", "<eos>")
    images_as = {
        "image_token": "<image_soft_token>",
        "boi_token": "<start_of_image>",
        "eoi_token": "<end_of_image>",
    }
    tokenizer = byte_tokenizer(
        special, bos_token="<bos>", eos_token="<eos>", extra_special_tokens=images_as
    )
    config: Any = transformers.Gemma3Config
    config = config(
        text_config=_language_model(
            tokenizer, sliding_window=48, sliding_window_pattern=2, query_pre_attn_scalar=16
        ),
        vision_config={
            **_VISION,
            "model_type": "siglip_vision_model",
            "image_size": 28,
            "patch_size": 7,
        },
        mm_tokens_per_image=4,
        image_token_index=tokenizer.image_token_id,
        boi_token_index=tokenizer.boi_token_id,
        eoi_token_index=tokenizer.eoi_token_id,
    )
    images: Any = transformers.Gemma3ImageProcessor
    processor: Any = transformers.Gemma3Processor
    processor = processor(
        image_processor=images(size={"height": 28, "width": 28}),
        tokenizer=_begins_with_bos(tokenizer),
        image_seq_length=4,
        chat_template=chat,
    )
    model: Any = transformers.Gemma3ForConditionalGeneration(config)
    return _save(folder, model, processor, [tokenizer.eos_token_id])


def _begins_with_bos(tokenizer: Any) -> Any:
    """One that puts the beginning before every text, whether the template has it or not."""
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single=f"{tokenizer.bos_token} $A",
        special_tokens=[(tokenizer.bos_token, tokenizer.bos_token_id)],
    )
    return tokenizer


FAMILIES = {
    "qwen2_vl": Family(_qwen("qwen2_vl"), family_chats.QWEN2_VL),
    "qwen2_5_vl": Family(_qwen("qwen2_5_vl"), family_chats.QWEN2_VL),
    "qwen3_vl": Family(_qwen("qwen3_vl"), family_chats.QWEN3_VL),
    "llava_onevision": Family(_llava_onevision, family_chats.LLAVA_ONEVISION, same_for_more=False),
    "internvl": Family(_internvl, family_chats.INTERNVL),
    "smolvlm": Family(_smolvlm, family_chats.SMOLVLM, turns_begin_with=" "),
    "idefics3": Family(_idefics3, family_chats.IDEFICS3, turns_begin_with=" "),
    "molmo2": Family(_molmo2, "the one that it is saved with", template_known=False),
    "gemma3": Family(_gemma3, family_chats.GEMMA3),
}
