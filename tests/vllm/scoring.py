"""What transformers makes of the tokens that vLLM sampled."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from PIL import Image

from thinkimg_agent.policies import Generation
from thinkimg_agent.policies.chat_tokens import ChatTokens
from thinkimg_agent.policies.vocabulary import end_tokens, never_sampled


def load(folder: Path) -> Any:
    loader: Any = transformers.AutoModelForImageTextToText
    return loader.from_pretrained(folder, dtype=torch.float32).eval()


@torch.inference_mode()
def logprobs_of(
    model: Any, folder: Path, turn: Generation, pictures: Sequence[bytes], temperature: float
) -> torch.Tensor:
    """(N,) of a turn's tokens, by a model that may be another than `folder` holds."""
    loader: Any = transformers.AutoProcessor
    processor = loader.from_pretrained(folder)
    assert turn.prompt_ids is not None
    assert turn.token_ids is not None
    ids = torch.tensor([[*turn.prompt_ids, *turn.token_ids]])
    shown = [Image.open(io.BytesIO(picture)).convert("RGB") for picture in pictures]
    pixels = processor.image_processor(images=shown, return_tensors="pt")
    logits = model(
        input_ids=ids, mm_token_type_ids=(ids == processor.image_token_id).int(), **pixels
    ).logits[0]
    logits = logits.float() / temperature
    chat = ChatTokens(processor, model.config)
    ends = end_tokens(chat, model.generation_config)
    logits[:, never_sampled(chat, logits.shape[1], ends)] = -torch.inf
    start = len(turn.prompt_ids)
    scored = logits[start - 1 : -1].log_softmax(-1)
    logprobs: torch.Tensor = scored.gather(1, ids[0, start:, None])[:, 0]
    return logprobs
