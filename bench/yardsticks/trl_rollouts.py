"""Rollouts as TRL's GRPOTrainer plays them, with tools."""

from __future__ import annotations

import io
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import transformers
from datasets import Dataset
from PIL import Image
from trl.trainer.grpo_config import GRPOConfig
from trl.trainer.grpo_trainer import GRPOTrainer

from thinkimg_agent.sample import Sample

MAX_TOKENS = 1024
"""Of an episode, what tools said included."""


class _Played(Exception):
    """The rollouts of a step are over, and that was all."""


class TrlRollouts:
    """One step's rollouts of a trainer, without the step."""

    def __init__(
        self,
        model: Any,
        folder: Path,
        samples: Sequence[Sample],
        group_size: int,
        tool: Callable[..., Any],
    ) -> None:
        logging.getLogger("trl").setLevel(logging.ERROR)
        loader: Any = transformers.AutoProcessor
        rows = [
            {
                "prompt": [{"role": "user", "content": sample.question}],
                "image": Image.open(io.BytesIO(sample.images[0])),
            }
            for sample in samples
        ]
        self._trainer = _OnlyRollouts(
            model=model,
            reward_funcs=_reward,
            args=GRPOConfig(
                output_dir=str(folder / "trl"),
                per_device_train_batch_size=len(samples) * group_size,
                num_generations=group_size,
                max_completion_length=MAX_TOKENS,
                max_steps=1,
                report_to=[],
                disable_tqdm=True,
                use_cpu=True,
                bf16=False,
            ),
            train_dataset=Dataset.from_list(rows),
            processing_class=loader.from_pretrained(folder),
            tools=[tool],
        )

    def play(self) -> tuple[float, float, int]:
        """The seconds that the rollouts took, of them processor time, and the tokens sampled."""
        trainer = self._trainer
        try:
            trainer.train()
        except _Played:
            return trainer.seconds, trainer.cpu_s, trainer.tokens
        raise AssertionError("no rollouts were played")


def _reward(completions: Sequence[Any], **rest: Any) -> list[float | None]:
    """It wants one."""
    return [0.0] * len(completions)


class _OnlyRollouts(GRPOTrainer):
    seconds = cpu_s = 0.0
    tokens = 0

    def _generate(self, prompts: list[Any]) -> Any:
        cpu_s, began = time.process_time(), time.perf_counter()
        _, completion_ids, tool_mask, *_ = super()._generate(prompts)
        self.seconds = time.perf_counter() - began
        self.cpu_s = time.process_time() - cpu_s
        self.tokens = sum(map(sum, tool_mask))
        assert len(completion_ids) == len(prompts)
        raise _Played
