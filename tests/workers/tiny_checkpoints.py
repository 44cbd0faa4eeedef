"""Checkpoints of real architectures, random and tiny, as `save_pretrained` writes them.

They are loaded through the very code that loads the real ones. Their answers mean
nothing; that they equal the library's own is what can be tested.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from tokenizers import Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel

WORDS = (
    *("the", "red", "blue", "green", "bar", "line", "legend", "title", "x", "y", "axis"),
    *("label", "chart", "point", "to", "at", "a", "of", ".", ",", "?"),
)
Pixels = NDArray[np.uint8]
LETTERS = [chr(code) for code in range(33, 127)]


def save_grounding_dino(folder: Path, *, mm: bool = False) -> Path:
    """A Grounding DINO, or an MM-Grounding-DINO, of about 0.1 M parameters."""
    torch.manual_seed(0)
    swin: Any = transformers.SwinConfig  # declares some of its arguments as private
    backbone = swin(
        embed_dim=16,
        depths=[1, 1, 1, 1],
        num_heads=[1, 1, 2, 2],
        window_size=4,
        out_indices=[2, 3, 4],
    )
    text = transformers.BertConfig(
        vocab_size=200,
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
    )
    options: dict[str, Any] = {
        "backbone_config": backbone,
        "text_config": text,
        "d_model": 32,
        "encoder_layers": 2,
        "decoder_layers": 2,
        "encoder_attention_heads": 2,
        "decoder_attention_heads": 2,
        "encoder_ffn_dim": 32,
        "decoder_ffn_dim": 32,
        "num_queries": 20,
    }
    if mm:
        model: Any = transformers.MMGroundingDinoForObjectDetection(
            transformers.MMGroundingDinoConfig(**options)
        )
    else:
        model = transformers.GroundingDinoForObjectDetection(
            transformers.GroundingDinoConfig(**options)
        )
    enliven(model)
    model.save_pretrained(folder)
    images = transformers.GroundingDinoImageProcessor(
        size={"shortest_edge": 96, "longest_edge": 160}
    )
    processor: Any = transformers.GroundingDinoProcessor
    processor(images, _bert_tokenizer()).save_pretrained(folder)
    return folder


def _bert_tokenizer() -> transformers.BertTokenizer:
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    vocabulary += [letter for letter in LETTERS if letter not in vocabulary]
    return transformers.BertTokenizer(vocab={word: i for i, word in enumerate(vocabulary)})


def enliven(model: torch.nn.Module) -> None:
    """Fresh models are initialised to say nearly the same everywhere; spread their answers."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, 0.2)


QWEN_SPECIAL = (
    *("<|endoftext|>", "<|im_start|>", "<|im_end|>"),
    *("<|vision_start|>", "<|vision_end|>", "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>"),
)
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% for part in message['content'] %}{% if part['type'] == 'image' %}PICTURE"
    "{% else %}{{ part['text'] }}{% endif %}{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@dataclass(frozen=True)
class QwenParts:
    """What one generation of Qwen-VL is made of."""

    config: Any
    model: Any
    processor: Any
    videos: Any
    rope: dict[str, Any]
    vision: dict[str, Any]
    patch: int


QWEN = {
    "qwen2_vl": QwenParts(
        transformers.Qwen2VLConfig,
        transformers.Qwen2VLForConditionalGeneration,
        transformers.Qwen2VLProcessor,
        transformers.Qwen2VLVideoProcessor,
        rope={"mrope_section": [2, 3, 3]},
        vision={"embed_dim": 32, "hidden_size": 32},
        patch=14,
    ),
    "qwen2_5_vl": QwenParts(
        transformers.Qwen2_5_VLConfig,
        transformers.Qwen2_5_VLForConditionalGeneration,
        transformers.Qwen2_5_VLProcessor,
        transformers.Qwen2VLVideoProcessor,
        rope={"mrope_section": [2, 3, 3]},
        vision={"hidden_size": 32, "out_hidden_size": 32, "fullatt_block_indexes": [0]},
        patch=14,
    ),
    "qwen3_vl": QwenParts(
        transformers.Qwen3VLConfig,
        transformers.Qwen3VLForConditionalGeneration,
        transformers.Qwen3VLProcessor,
        transformers.Qwen3VLVideoProcessor,
        rope={"mrope_section": [2, 3, 3], "mrope_interleaved": True},
        vision={
            "hidden_size": 32,
            "out_hidden_size": 32,
            "deepstack_visual_indexes": [0],
            "num_position_embeddings": 16,
        },
        patch=16,
    ),
}


def save_qwen_vl(
    folder: Path, family: str = "qwen2_vl", *, text: dict[str, Any] | None = None
) -> Path:
    """A Qwen-VL of about 0.1 M parameters.

    Args:
        text: what is to be different in the language model's configuration.
    """
    torch.manual_seed(0)
    parts = QWEN[family]
    vision = parts.vision
    if text is not None:  # the two meet at the language model's width
        width = "out_hidden_size" if "out_hidden_size" in vision else "hidden_size"
        vision = {**vision, width: text["hidden_size"]}
    tokenizer = byte_tokenizer(QWEN_SPECIAL)
    ids = {token: tokenizer.convert_tokens_to_ids(token) for token in QWEN_SPECIAL}
    config = parts.config(
        text_config={
            "vocab_size": len(tokenizer),
            "hidden_size": 32,
            "intermediate_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "num_key_value_heads": 1,
            "head_dim": 16,
            "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, **parts.rope},
            "bos_token_id": ids["<|endoftext|>"],
            "eos_token_id": ids["<|im_end|>"],
            "pad_token_id": ids["<|endoftext|>"],
            **(text or {}),
        },
        vision_config={"depth": 1, "num_heads": 2, "intermediate_size": 32, **vision},
        image_token_id=ids["<|image_pad|>"],
        video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
    )
    model = parts.model(config)
    enliven(model)
    model.generation_config.eos_token_id = [ids["<|im_end|>"]]
    model.generation_config.pad_token_id = ids["<|endoftext|>"]
    model.save_pretrained(folder)
    side = 2 * parts.patch
    images: Any = transformers.Qwen2VLImageProcessor
    parts.processor(
        image_processor=images(
            size={"shortest_edge": side * side, "longest_edge": side * side * 16},
            patch_size=parts.patch,
        ),
        tokenizer=tokenizer,
        video_processor=parts.videos(),
        chat_template=CHAT_TEMPLATE.replace(
            "PICTURE", "<|vision_start|><|image_pad|><|vision_end|>"
        ),
    ).save_pretrained(folder)
    return folder


MOLMO_SPECIAL = (
    *("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|image|>", "<|video|>"),
    *("<im_start>", "<im_end>", "<im_patch>", "<im_col>", "<low_res_im_start>"),
    *("<im_low>", "<frame_start>", "<frame_end>"),
)


def save_molmo2(folder: Path) -> Path:
    """A Molmo 2 of about 0.1 M parameters."""
    torch.manual_seed(0)
    tokenizer = byte_tokenizer(MOLMO_SPECIAL)
    ids = {token: tokenizer.convert_tokens_to_ids(token) for token in MOLMO_SPECIAL}
    molmo: Any = transformers.Molmo2Config
    config = molmo(
        text_config={
            "vocab_size": len(tokenizer),
            "additional_vocab_size": 8,
            "hidden_size": 32,
            "intermediate_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "num_key_value_heads": 1,
            "head_dim": 16,
        },
        vision_config={
            "hidden_size": 32,
            "intermediate_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "num_key_value_heads": 2,
            "head_dim": 16,
            "image_size": [56, 56],
        },
        adapter_config={
            "vision_feature_layer": [1, 0],
            "hidden_size": 32,
            "num_attention_heads": 2,
            "num_key_value_heads": 2,
            "head_dim": 16,
            "intermediate_size": 32,
            "text_hidden_size": 32,
        },
        image_start_token_id=ids["<im_start>"],
        low_res_image_start_token_id=ids["<low_res_im_start>"],
        image_end_token_id=ids["<im_end>"],
        image_patch_id=ids["<im_patch>"],
        frame_start_token_id=ids["<frame_start>"],
        frame_end_token_id=ids["<frame_end>"],
    )
    model: Any = transformers.Molmo2ForConditionalGeneration(config)
    enliven(model)
    model.generation_config.eos_token_id = ids["<|im_end|>"]
    model.generation_config.pad_token_id = ids["<|endoftext|>"]
    model.save_pretrained(folder)
    processor: Any = transformers.Molmo2Processor
    images: Any = transformers.Molmo2ImageProcessor
    videos: Any = transformers.Molmo2VideoProcessor
    processor(
        image_processor=images(
            size={"height": 56, "width": 56}, max_crops=2, overlap_margins=[1, 1]
        ),
        video_processor=videos(size={"height": 56, "width": 56}),
        tokenizer=tokenizer,
        chat_template=CHAT_TEMPLATE.replace("PICTURE", "<|image|>"),
    ).save_pretrained(folder)
    return folder


def teach(folder: Path, question: str, answer: str, picture: Pixels) -> None:
    """Train the model of a folder to write one answer to a question about a picture."""
    torch.manual_seed(0)
    auto: Any = transformers.AutoProcessor
    processor = auto.from_pretrained(folder)
    model: Any = transformers.AutoModelForImageTextToText.from_pretrained(folder).train()
    message = {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": question}]}
    prompt = processor.apply_chat_template([message], add_generation_prompt=True, tokenize=False)
    asked = processor(text=[prompt], images=[[picture]], return_tensors="pt")
    inputs = processor(
        text=[f"{prompt}{answer}<|im_end|>"], images=[[picture]], return_tensors="pt"
    )
    labels = inputs["input_ids"].clone()
    labels[:, : asked["input_ids"].shape[1]] = -100
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(200):
        loss = model(**inputs, labels=labels).loss
        if loss < 4e-3:
            break
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.save_pretrained(folder)


def byte_tokenizer(special: tuple[str, ...], **named: Any) -> Any:
    """One token for each byte, and the special ones: padding, any, the end of a turn, more.

    Args:
        named: what else the tokenizer is told, such as `bos_token`.
    """
    vocabulary = {letter: i for i, letter in enumerate(sorted(ByteLevel.alphabet()))}
    tokenizer = Tokenizer(BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
    tokenizer.decoder = ByteLevelDecoder()
    fast: Any = transformers.PreTrainedTokenizerFast
    known = {"bos_token": special[0], "eos_token": special[2], "pad_token": special[0]}
    made = fast(tokenizer_object=tokenizer, **known | named)
    made.add_tokens(list(special), special_tokens=True)
    return made
