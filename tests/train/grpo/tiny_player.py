"""A tiny model that can call the tool and say what it heard, or guess at once.

Whole moves, and all that the system and the tool say, are single tokens: an episode is some
forty of them, and what a policy has to learn is which of a few to take.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import AddedToken

from thinkimg_agent.episode import Limits, run_episode
from thinkimg_agent.policies import ScriptedPolicy
from thinkimg_agent.reply import Reply, WrittenCall
from thinkimg_agent.trajectory import Trajectory
from thinkimg_rpc.client import Mesh
from thinkimg_rpc.testing import Echo
from thinkimg_train.batches import collate
from thinkimg_train.chat import chat_of, padding_of
from thinkimg_train.losses.trained_tokens import sum_loss, targets_of, trained_logprobs
from thinkimg_train.samples import sample_of

from ...workers.tiny_checkpoints import save_qwen_vl
from ..recorded import dialect_named
from .games import HEIGHTS, NO_HEIGHT, only_the_tool_wins

DIALECT = dialect_named("hermes")
CALL = DIALECT.write(Reply("", (WrittenCall("Echo", {"image": "img_1"}),)))
MAX_PIXELS = 28 * 28


def answer(height: int) -> str:
    return DIALECT.write(Reply("", answer=str(height)))


GUESSES = (NO_HEIGHT, *HEIGHTS)


def save_player(folder: Path, *, calls: float = 0.5) -> Path:
    """A model that calls the tool in this share of its episodes, and then says what it heard."""
    base = save_qwen_vl(folder / "base")
    episodes = asyncio.run(_recorded())
    loader: Any = transformers.AutoProcessor
    processor = loader.from_pretrained(base)
    # Not the whole of it: it names the worker that answered.
    heard = [f', "image_width": {height}, "image_height": {height}}}' for height in HEIGHTS]
    words = [episodes[0].system, CALL, *map(answer, GUESSES), *heard, '{"worker_id": "']
    words += ["<tool_response>\n", "\n</tool_response>"]
    processor.tokenizer.add_tokens([AddedToken(one, normalized=False) for one in words])
    model: Any = transformers.AutoModelForImageTextToText.from_pretrained(base)
    torch.manual_seed(0)
    model.resize_token_embeddings(len(processor.tokenizer), mean_resizing=False)
    place = folder / "player"
    model.save_pretrained(place)
    processor.save_pretrained(place)
    _teach(model, place, episodes, calls)
    model.save_pretrained(place)
    return place


async def _recorded() -> list[Trajectory]:
    """An episode with a call for each height, and one with each guess."""
    samples = only_the_tool_wins().samples
    scripts = [(samples[n], [CALL, answer(height)]) for n, height in enumerate(HEIGHTS)]
    scripts += [(samples[0], [answer(height)]) for height in GUESSES]
    async with Mesh.local([Echo]) as mesh:
        tools = await mesh.contracts()
        return [
            await run_episode(
                sample,
                ScriptedPolicy(script, max_image_pixels=MAX_PIXELS),
                mesh,
                Limits(),
                dialect=DIALECT,
                tools=tools,
            )
            for sample, script in scripts
        ]


def _teach(model: Any, place: Path, episodes: Sequence[Trajectory], calls: float) -> None:
    chat = chat_of(str(place))
    samples = [
        sample_of(one, chat, one.pictures.get, source="", max_pixels=MAX_PIXELS) for one in episodes
    ]
    batch = collate(samples, padding_of(chat))
    targets = targets_of(batch.inputs["input_ids"], batch.trained)
    shares = [calls / len(HEIGHTS)] * len(HEIGHTS) + [(1 - calls) / len(GUESSES)] * len(GUESSES)
    weights = torch.tensor(shares)[targets.rows]
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(200):
        logprobs = trained_logprobs(model, batch.inputs, targets)
        optimizer.zero_grad()
        loss: Any = sum_loss(logprobs * weights, 1)
        loss.backward()
        optimizer.step()
