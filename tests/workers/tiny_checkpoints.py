"""Checkpoints of real architectures, random and tiny, as `save_pretrained` writes them.

They are loaded through the very code that loads the real ones. Their answers mean
nothing; that they equal the library's own is what can be tested.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers

WORDS = (
    *("the", "red", "blue", "green", "bar", "line", "legend", "title", "x", "y", "axis"),
    *("label", "chart", "point", "to", "at", "a", "of", ".", ",", "?"),
)
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
    _enliven(model)
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


def _enliven(model: torch.nn.Module) -> None:
    """Fresh models are initialised to say nearly the same everywhere; spread their answers."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, 0.2)
