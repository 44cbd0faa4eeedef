"""Whole runs: a model learns what it is shown, is evaluated on the way, and can be used."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from thinkimg_agent.conversation import Message
from thinkimg_agent.policies.transformers_vlm import TransformersPolicy
from thinkimg_agent.trajectory import ImageRecord, StopReason, Trajectory, TurnRecord
from thinkimg_agent.trajectory_file import TrajectoryWriter
from thinkimg_rpc.digest import digest_of
from thinkimg_train.data_config import BatchSection, DataSection
from thinkimg_train.dataset import open_dataset
from thinkimg_train.loader import StepLoader
from thinkimg_train.logbook import NUMBERS, read_numbers
from thinkimg_train.losses.trained_tokens import targets_of

from ..mesh_fixtures import png
from ..thinkimg_rpc.running_mesh import RunningServe
from .runs import curve_of, make_run
from .tiny_batches import load

TASK = Path(__file__).parents[1] / "eval" / "run" / "tiny_task.py"
MESH = """
[mesh]
address = "127.0.0.1:0"
[[worker]]
name = "image"
tools = ["thinkimg_workers.crop:Crop"]
"""
DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


def record_quiz(folder: Path, count: int) -> Path:
    """Episodes of one turn, each with another question and answer."""
    data = png(28, 28)
    digest = digest_of(data)
    image = ImageRecord(
        name="img_1",
        digest=digest,
        width=28,
        height=28,
        shown_digest=digest,
        shown_width=28,
        shown_height=28,
    )
    with TrajectoryWriter(folder) as writer:
        for number in range(count):
            words = f"{DIGITS[number // 10]} {DIGITS[number % 10]}"
            writer.add(
                Trajectory(
                    format=2,
                    sample_id=f"q{number}",
                    question=f"{number:02d}?",
                    policy="planner:",
                    dialect="hermes",
                    coordinates="pixels",
                    tools=[],
                    system="",
                    images=[image],
                    turns=[TurnRecord(text=f"<answer>{words}</answer>")],
                    stop=StopReason.ANSWERED,
                    answer=words,
                    pictures={digest: data},
                )
            )
    return folder


def test_it_overfits_64_samples(tiny_model: Path, tmp_path: Path) -> None:
    quiz = record_quiz(tmp_path / "quiz", 64)
    out = tmp_path / "out"
    settings = {
        "batch__episodes": 32,
        "batch__tokens": 1 << 14,
        "schedule__steps": 130,
        "schedule__learning_rate": 1e-2,
    }
    trained = make_run(out, tiny_model, quiz, **settings)
    assert share_right(trained, quiz, tiny_model) >= 0.99
    assert curve_of(out)[-1] < curve_of(out)[0] / 50


def share_right(trained: Path, quiz: Path, base: Path) -> float:
    """Of the trained tokens, those that the model finds likeliest."""
    dataset = open_dataset(DataSection(trajectories=(quiz,)), str(base))
    steps = StepLoader(dataset, BatchSection(), seed=0).steps()
    right = total = 0
    model = load(trained)
    for batch in next(steps).batches:
        targets = targets_of(batch.inputs["input_ids"], batch.trained)
        with torch.inference_mode():
            logits = model(**batch.inputs, logits_to_keep=targets.columns).logits
        right += int((logits[targets.rows, targets.places].argmax(-1) == targets.ids).sum())
        total += targets.count
    return right / total


@pytest.fixture(scope="module")
def crop_mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """HOST:PORT of a mesh, in processes of its own, that has Crop."""
    folder = tmp_path_factory.mktemp("mesh")
    (folder / "mesh.toml").write_text(MESH)
    with RunningServe([], folder) as serve:
        yield serve.wait_served()


@pytest.mark.timeout(240)
def test_checkpoints_answer_questions_on_the_way(
    crop_mesh: str, tiny_model: Path, recorded: Path, tmp_path: Path
) -> None:
    settings = {
        "schedule__steps": 2,
        "evaluation__every_steps": 2,
        "evaluation__run__task": f"{TASK}:tiny",
        "evaluation__run__limit": 3,
        "evaluation__run__mesh__address": crop_mesh,
        "evaluation__run__limits__max_turns": 1,
        "evaluation__run__limits__max_turn_tokens": 8,
    }
    make_run(tmp_path, tiny_model, recorded, **settings)
    numbers = read_numbers(tmp_path / NUMBERS)
    assert [line["step"] for line in numbers] == [0, 1, 1]
    assert numbers[-1]["evaluation/accuracy"] == 0
    assert (tmp_path / "evaluations" / "step_0000002" / "summary.json").exists()


@pytest.mark.parametrize("lora", [0, 4])
async def test_what_comes_out_is_a_policy(
    lora: int, tiny_model: Path, recorded: Path, tmp_path: Path
) -> None:
    made = make_run(tmp_path, tiny_model, recorded, schedule__steps=1, lora__rank=lora)
    async with TransformersPolicy(made, device="cpu") as policy:
        turn = await policy.generate([Message("user", ("hello",))], (), 4)
    assert turn.completion_tokens <= 4
    assert (tmp_path / "adapter").exists() == (lora > 0)
