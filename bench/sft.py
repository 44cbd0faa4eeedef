"""What the trainer adds to the model's own forward and backward passes."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import torch
import transformers
from rich.console import Console

from bench.chart import draw_chart
from bench.report import Goal, Section
from thinkimg_agent.shown import reduced
from thinkimg_agent.trajectory import (
    FORMAT,
    CallRecord,
    ImageRecord,
    StopReason,
    Trajectory,
    TurnRecord,
)
from thinkimg_agent.trajectory_file import TrajectoryWriter
from thinkimg_rpc.digest import digest_of
from thinkimg_rpc.imaging.codec import encode_png
from thinkimg_train.batches import Batch
from thinkimg_train.config import LogSection, ModelSection, ScheduleSection, SftConfig
from thinkimg_train.data_config import BatchSection, DataSection
from thinkimg_train.dataset import open_dataset
from thinkimg_train.loader import StepLoader
from thinkimg_train.logbook import NUMBERS, read_numbers
from thinkimg_train.sft import train
from thinkimg_train.small.architecture import small_config
from thinkimg_train.small.tokenizer import small_tokenizer

EPISODES, TURNS, STEPS, ROUNDS = 32, 3, 4, 3
VIEW_PIXELS = 224 * 168
GOAL_SHARE = 0.9
WORDS = "the chart shows how much coal gas and wind were used in each year of the last decade"
WARM_UP_STEPS = 1
"""Of the trainer: the first reads what the others find read."""


def measure_sft() -> Section:
    """Tokens a second of the trainer, beside bare passes over the very same batches."""
    section = Section(
        "Supervised fine-tuning: tokens a second of the small model, best of the rounds",
        ("", "tokens/s", "of bare passes"),
    )
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        _save_model(place / "model")
        _record(place / "recorded")
        bare = ours = 0.0
        waited = 0.0
        for number in range(ROUNDS):
            config = _config(place, number)
            bare = max(bare, _bare(config))
            rate, waited_share = _trainer(config)
            if rate > ours:
                ours, waited = rate, waited_share
    section.rows += [
        ("forward and backward, no more, batches made before", f"{bare:,.0f}", "1.00"),
        ("thinkimg train sft, all of it", f"{ours:,.0f}", f"{ours / bare:.2f}"),
    ]
    section.goals.append(
        Goal(
            f"the trainer makes at least {GOAL_SHARE:.0%} of the tokens of bare passes",
            f"{ours / bare:.0%}",
            ours / bare >= GOAL_SHARE,
        )
    )
    section.notes.append(
        "the trainer also reads episodes, decodes their images, clips, steps AdamW and notes its "
        f"numbers; it waited {waited:.0%} of the time for data. Scores are made only of columns "
        "that predict something trained on, which the bare passes do not know to leave out"
    )
    return section


def _config(place: Path, number: int) -> SftConfig:
    return SftConfig(
        out=place / f"out{number}",
        model=ModelSection(path=str(place / "model")),
        data=DataSection(trajectories=(place / "recorded",)),
        batch=BatchSection(episodes=8, tokens=4096),
        schedule=ScheduleSection(steps=STEPS, learning_rate=1e-4),
        log=LogSection(tensorboard=False),
    )


def _trainer(config: SftConfig) -> tuple[float, float]:
    """Tokens a second, and the share of the time that it waited for data."""
    train(config, Console(quiet=True))
    steps = read_numbers(config.out / NUMBERS)[WARM_UP_STEPS:]
    seconds = sum(step["seconds"] for step in steps)
    tokens = sum(step["tokens_per_s"] * step["seconds"] for step in steps)
    return tokens / seconds, sum(step["waited_for_data_s"] for step in steps) / seconds


def _bare(config: SftConfig) -> float:
    """Tokens a second of the model alone."""
    dataset = open_dataset(config.data, config.model.path)
    loader = StepLoader(dataset, config.batch, seed=config.seed)
    steps = loader.steps()
    made = [list(next(steps).batches) for _ in range(STEPS)]
    loading: Any = transformers.AutoModelForImageTextToText
    model = loading.from_pretrained(config.model.path).train()
    for batch in made[0]:
        _pass(model, batch)
    tokens, begin = 0, time.perf_counter()
    for step in made[WARM_UP_STEPS:]:
        for batch in step:
            tokens += _pass(model, batch)
        model.zero_grad()
    return tokens / (time.perf_counter() - begin)


def _pass(model: Any, batch: Batch) -> int:
    """A forward and a backward pass; how many tokens were in it."""
    labels = torch.where(batch.trained, batch.inputs["input_ids"], -100)
    model(**batch.inputs, labels=labels, use_cache=False).loss.backward()
    return int(batch.inputs["attention_mask"].sum())


def _save_model(folder: Path) -> None:
    torch.manual_seed(0)
    tokenizer = small_tokenizer(WORDS.split(), ())
    model: Any = transformers.Qwen2VLForConditionalGeneration(small_config(tokenizer))
    model.save_pretrained(folder)
    images: Any = transformers.Qwen2VLImageProcessor
    videos: Any = transformers.Qwen2VLVideoProcessor
    processor: Any = transformers.Qwen2VLProcessor
    processor(images(), tokenizer, videos()).save_pretrained(folder)


def _record(folder: Path) -> None:
    """Episodes of some turns, each with a look at another part of the chart."""
    chart = draw_chart()
    with TrajectoryWriter(folder) as writer:
        for number in range(EPISODES):
            seen = [chart[40 * n : 640 + 40 * n, 5 * number :] for n in range(TURNS)]
            shown = [reduced(encode_png(pixels), VIEW_PIXELS) for pixels in seen]
            images = [
                ImageRecord(
                    name=f"img_{n + 1}",
                    digest=one.digest,
                    width=one.view.shown_width,
                    height=one.view.shown_height,
                    shown_digest=one.digest,
                    shown_width=one.view.shown_width,
                    shown_height=one.view.shown_height,
                    turn=n - 1,
                    call=0 if n else -1,
                )
                for n, one in enumerate(shown)
            ]
            writer.add(
                Trajectory(
                    format=FORMAT,
                    sample_id=f"s{number}",
                    question=f"{WORDS} {number}?",
                    policy="bench",
                    dialect="hermes",
                    coordinates="pixels",
                    tools=["Crop"],
                    system=" ".join([WORDS] * 8),
                    images=images,
                    turns=_turns(number),
                    stop=StopReason.ANSWERED,
                    answer=str(number),
                    pictures={digest_of(one.data): one.data for one in shown},
                )
            )


def _turns(number: int) -> list[TurnRecord]:
    calls = [
        TurnRecord(
            text=f"{WORDS} {'and ' * (number % 5)}{n}",
            calls=[CallRecord(name="Crop", arguments={}, observation=" ".join([WORDS] * 3))],
        )
        for n in range(TURNS - 1)
    ]
    return [*calls, TurnRecord(text=f"<answer>{number}</answer>")]
