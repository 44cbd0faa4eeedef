"""The architecture of the small model: Qwen2-VL's, at about three million parameters."""

from __future__ import annotations

from transformers import PreTrainedTokenizerBase, Qwen2VLConfig
from transformers.models.qwen2_vl.configuration_qwen2_vl import (
    Qwen2VLTextConfig,
    Qwen2VLVisionConfig,
)

HIDDEN = 160
HEAD = 32
LAYERS = 5
ROPE_THETA = 100_000_000.0
"""So that most of a head hardly turns over the length of a list: with 10,000, what stands far
apart is hardly ever found to be the same."""
PATCH = 14
MERGED = 2
"""Patches of a side that become one token: a view of 112 × 112 pixels is 16 tokens."""

_THIRDS_OF_ROTARY = [4, 6, 6]
"""Of the HEAD // 2 frequencies: those that turn with time, with y and with x."""


def small_config(tokenizer: PreTrainedTokenizerBase) -> Qwen2VLConfig:
    """The configuration for a vocabulary, with its special tokens."""

    def token(text: str) -> int:
        number = tokenizer.convert_tokens_to_ids(text)
        assert isinstance(number, int)
        return number

    text = Qwen2VLTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=HIDDEN,
        intermediate_size=3 * HIDDEN,
        num_hidden_layers=LAYERS,
        num_attention_heads=HIDDEN // HEAD,
        num_key_value_heads=HIDDEN // HEAD,
        max_position_embeddings=4096,
        rope_parameters={
            "rope_type": "default",
            "rope_theta": ROPE_THETA,
            "mrope_section": _THIRDS_OF_ROTARY,
        },
        bos_token_id=None,
        eos_token_id=token("<|im_end|>"),
        pad_token_id=token("<|endoftext|>"),
    )
    vision = Qwen2VLVisionConfig(
        depth=3,
        embed_dim=128,
        hidden_size=HIDDEN,
        num_heads=4,
        mlp_ratio=2,
        patch_size=PATCH,
        spatial_merge_size=MERGED,
    )
    return Qwen2VLConfig(
        text_config=text.to_dict(),
        vision_config=vision.to_dict(),
        image_token_id=token("<|image_pad|>"),
        video_token_id=token("<|video_pad|>"),
        vision_start_token_id=token("<|vision_start|>"),
        vision_end_token_id=token("<|vision_end|>"),
        tie_word_embeddings=True,
    )
