"""A server nobody here wrote: `transformers serve`, with a tiny model taught two turns.

The same model in process is the yardstick: both say the same, token for token.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from thinkimg_agent.conversation import Message, numbered
from thinkimg_agent.dialects import HermesDialect
from thinkimg_agent.episode import Limits, run_episode
from thinkimg_agent.images import EpisodeImages
from thinkimg_agent.policies import Policy, PolicyFault
from thinkimg_agent.policies.openai_endpoint import OpenAIPolicy, Sampling
from thinkimg_agent.policies.transformers_vlm import TransformersPolicy
from thinkimg_agent.sample import Sample
from thinkimg_agent.trajectory import StopReason, Trajectory
from thinkimg_rpc.client import Mesh
from thinkimg_workers.crop import Crop

from ...mesh_fixtures import png
from ...workers.tiny_checkpoints import save_qwen_vl

QUESTION = "What?"
LOOK = (
    "Closer.\n<tool_call>\n"
    '{"name": "Crop", "arguments": {"box": {"x0": 8, "y0": 8, "x1": 40, "y1": 40}}}\n'
    "</tool_call>"
)
ANSWER = "<answer>5</answer>"


class Terse(HermesDialect):
    """Few words, so that little has to be learnt."""

    def instructions(self, contracts: Any) -> str:
        return "Look."


async def conversations() -> list[tuple[list[Message], str]]:
    """What is asked, and what is to be said."""
    images = EpisodeImages(1 << 14)
    whole, crop = await images.add(png(64, 48)), await images.add(png(32, 32))
    asked = [Message("system", ("Look.",)), Message("user", (*numbered(whole), QUESTION))]
    result = Terse().observation([("Crop", '{"image": "img_2", "box": [8, 8, 40, 40]}')])
    more = [Message("assistant", (LOOK,)), Message("user", (result, *numbered(crop)))]
    return [(asked, LOOK), ([*asked, *more], ANSWER)]


def teach(folder: Path, conversations: list[tuple[list[Message], str]]) -> None:
    """Train the model of a folder to say it."""
    torch.manual_seed(0)
    policy = TransformersPolicy(folder, dtype="float32", device="cpu")
    chat, model = policy._chat, policy._model.train()
    lessons = []
    for asked, said in conversations:
        prompt = chat.prompt(asked)
        target = chat.tokenizer.encode(f"{said}<|im_end|>")
        inputs = {
            "input_ids": torch.tensor([[*prompt.ids, *target]]),
            "labels": torch.tensor([[-100] * len(prompt.ids) + target]),
            **prompt.pixels,
        }
        for name, values in prompt.per_token.items():
            inputs[name] = torch.tensor([[*values, *([0] * len(target))]])
        lessons.append(inputs)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(400):
        losses = [model(**inputs).loss for inputs in lessons]
        if max(losses) < 0.02:
            break
        optimizer.zero_grad()
        sum(losses).backward()
        optimizer.step()
    model.save_pretrained(folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = save_qwen_vl(tmp_path_factory.mktemp("qwen2_vl"))
    teach(made, asyncio.run(conversations()))
    return made


@pytest.fixture(scope="module")
def base_url(folder: Path) -> Iterator[str]:
    """Where `transformers serve` serves the folder."""
    process = subprocess.Popen(
        [
            *(str(Path(sys.executable).parent / "transformers"), "serve", str(folder)),
            *("--host", "127.0.0.1", "--port", "0", "--device", "cpu"),
        ],
        env=os.environ | {"HF_HUB_OFFLINE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    said: list[str] = []
    try:
        for line in process.stdout:
            said.append(line)
            if found := re.search(r"running on (http://\S+)", line):
                break
        else:
            raise AssertionError(f"transformers serve ended:\n{''.join(said)}")
        yield f"{found[1]}/v1"
    finally:
        process.kill()
        process.communicate()


async def episode(policy: Policy) -> Trajectory:
    async with Mesh.local([Crop]) as mesh:
        return await run_episode(
            Sample("s", QUESTION, (png(64, 48),)),
            policy,
            mesh,
            Limits(max_turn_tokens=160),
            dialect=Terse(),
            tools=await mesh.contracts(),
        )


@pytest.mark.timeout(120)
@pytest.mark.parametrize("stream", [False, True], ids=["at once", "in pieces"])
async def test_a_whole_episode_runs_against_it_as_it_does_in_process(
    stream: bool, base_url: str, folder: Path
) -> None:
    sampling = Sampling(temperature=0.0, stream=stream)
    async with OpenAIPolicy(str(folder), base_url=base_url, sampling=sampling) as policy:
        served = await episode(policy)
    async with TransformersPolicy(folder, device="cpu") as policy_here:
        here = await episode(policy_here)
    assert served.stop is StopReason.ANSWERED
    assert served.answer == "5"
    (call,) = served.turns[0].calls
    assert call.request["box"] == {"x0": 8.0, "y0": 8.0, "x1": 40.0, "y1": 40.0}
    assert [image.name for image in served.images] == ["img_1", "img_2"]
    for there, mine in zip(served.turns, here.turns, strict=True):
        assert (there.text, there.finish) == (mine.text, mine.finish)
        # It saw what the model in process saw.
        assert there.prompt_tokens == mine.prompt_tokens
        assert there.completion_tokens == mine.completion_tokens


async def test_a_turn_that_is_cut_off_says_so(base_url: str, folder: Path) -> None:
    (asked, _), _ = await conversations()
    async with OpenAIPolicy(
        str(folder), base_url=base_url, sampling=Sampling(temperature=0.0)
    ) as policy:
        turn = await policy.generate(asked, [], 5)
    assert (turn.finish, turn.completion_tokens) == ("length", 5)
    assert LOOK.startswith(turn.text)


async def test_a_name_that_it_does_not_serve_is_refused_in_its_own_words(base_url: str) -> None:
    (asked, _), _ = await conversations()
    async with OpenAIPolicy("other", base_url=base_url) as policy:
        with pytest.raises(PolicyFault, match="pinned to"):
            await policy.generate(asked, [], 5)
