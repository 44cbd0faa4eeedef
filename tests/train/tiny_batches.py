"""A tiny model on disk and batches that it takes, for what needs no recorded episodes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers
from PIL import Image

from thinkimg_train.batches import Batch

from ..workers.tiny_checkpoints import save_qwen_vl


def load(folder: Path) -> Any:
    loader: Any = transformers.AutoModelForImageTextToText
    return loader.from_pretrained(folder, dtype=torch.float32)


def tiny_model(folder: Path) -> Path:
    return save_qwen_vl(folder)


def batch_of(folder: Path, answers: list[str]) -> Batch:
    """A row with an image for each answer; the answers are what is trained on."""
    loader: Any = transformers.AutoProcessor
    processor = loader.from_pretrained(folder)
    asked = "<|im_start|>user\n<|vision_start|><|image_pad|><|vision_end|>what?<|im_end|>\n"
    image = Image.linear_gradient("L").convert("RGB").resize((56, 56))
    texts = [f"{asked}<|im_start|>assistant\n{answer}<|im_end|>" for answer in answers]
    inputs = dict(
        processor(
            text=texts,
            images=[[image]] * len(texts),
            padding=True,
            padding_side="right",
            return_tensors="pt",
        )
    )
    trained = torch.zeros_like(inputs["input_ids"], dtype=torch.bool)
    for row, answer in enumerate(answers):
        length = int(inputs["attention_mask"][row].sum())
        own = len(processor.tokenizer.encode(f"{answer}<|im_end|>", add_special_tokens=False))
        trained[row, length - own : length] = True
    return Batch(inputs, trained, tuple(answers))
