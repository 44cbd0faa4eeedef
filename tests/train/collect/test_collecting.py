"""`thinkimg collect`, against a mesh that is served."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import msgspec
import pytest
from rich.console import Console

from thinkimg_agent.checking import problems
from thinkimg_agent.trajectory_file import read_trajectories
from thinkimg_eval.run.config import MeshSection, PolicyConfig, RetrySection, TaskConfig
from thinkimg_rpc.cli import main
from thinkimg_rpc.errors import InvalidRequest
from thinkimg_train.collect.card import CARD, PAGE, DataCard, hash_of_run
from thinkimg_train.collect.collecting import collect
from thinkimg_train.collect.config import CollectConfig, read_collection
from thinkimg_train.collect.folder import ATTEMPTS, CollectFolder

TASK = Path(__file__).parents[2] / "eval" / "run" / "tiny_task.py"


def config(address: str, script: Path, out: Path, **changed: Any) -> CollectConfig:
    collection = CollectConfig(
        task=TaskConfig(name=f"{TASK}:tiny"),
        policy=PolicyConfig(name=f"scripted:{script}"),
        out=out,
        concurrency=3,
        mesh=MeshSection(address=address),
        retry=RetrySection(times=0),
    )
    return msgspec.structs.replace(collection, **changed)


async def make(collection: CollectConfig) -> DataCard:
    return await collect(collection, Console(file=io.StringIO(), width=200))


async def test_what_is_right_is_kept_and_the_rest_put_aside_with_its_reason(
    crop_mesh: str, look_and_answer: Path, tmp_path: Path
) -> None:
    card = await make(config(crop_mesh, look_and_answer, tmp_path))
    accepted = list(read_trajectories(tmp_path))
    assert [one.sample_id for one in accepted] == ["tiny-1", "tiny-4", "tiny-7", "tiny-10"]
    rejected = list(read_trajectories(tmp_path / "rejected"))
    assert [one.sample_index for one in rejected] == [0, 2, 3, 5, 6, 8, 9, 11]
    assert rejected[0].stop_detail == 'wrong_answer: "1", not "0"'
    for folder, trajectories in ((tmp_path, accepted), (tmp_path / "rejected", rejected)):
        assert [said for one in trajectories for said in problems(one, folder)] == []
    assert (card.questions, card.attempts, card.accepted) == (12, 12, 4)
    assert card.rejected["wrong_answer"].tries == 8
    assert card.rejected["wrong_answer"].examples[:2] == ["tiny-0", "tiny-2"]
    assert {name: one.accepted for name, one in card.categories.items()} == {"even": 2, "odd": 2}
    assert card.calls == {"Crop": 4}
    assert (card.origin.run.tools or {})["Crop"].startswith("1 opencv")


async def test_the_card_is_on_disk_and_its_hash_is_that_of_the_trajectories(
    crop_mesh: str, look_and_answer: Path, tmp_path: Path
) -> None:
    card = await make(config(crop_mesh, look_and_answer, tmp_path / "a"))
    read = msgspec.json.decode((tmp_path / "a" / CARD).read_bytes(), type=DataCard)
    assert read == card
    assert hash_of_run(tmp_path / "a") == card.hash
    page = (tmp_path / "a" / PAGE).read_text()
    assert "# 4 trajectories of scripted:" in page
    assert "| wrong_answer | 8 | tiny-0, tiny-2, tiny-3, tiny-5, tiny-6 |" in page
    again = await make(config(crop_mesh, look_and_answer, tmp_path / "b", concurrency=1))
    assert again.hash == card.hash
    fewer = await make(config(crop_mesh, look_and_answer, tmp_path / "c", limit=8))
    assert fewer.hash != card.hash


async def test_a_collection_that_is_done_needs_no_mesh_to_be_looked_at_again(
    crop_mesh: str, look_and_answer: Path, tmp_path: Path
) -> None:
    card = await make(config(crop_mesh, look_and_answer, tmp_path))
    again = await make(config("127.0.0.1:1", look_and_answer, tmp_path))
    assert again == card


async def test_what_a_killed_run_left_behind_is_gone_on_with(
    crop_mesh: str, look_and_answer: Path, tmp_path: Path
) -> None:
    whole = await make(config(crop_mesh, look_and_answer, tmp_path))
    attempts = tmp_path / ATTEMPTS
    lines = attempts.read_bytes().splitlines(keepends=True)
    # Two words are lost, of which one trajectory was written, and a third is half there.
    attempts.write_bytes(b"".join(lines[:9]) + lines[9][:20])
    with (tmp_path / "trajectories.jsonl").open("ab") as file:
        file.write(b'{"format":2,"sam')
    again = await make(config(crop_mesh, look_and_answer, tmp_path))
    assert again.hash == whole.hash
    assert len(list(read_trajectories(tmp_path))) == 4
    assert len(list(read_trajectories(tmp_path / "rejected"))) == 8
    assert again.attempts == 12


async def test_the_first_that_are_wanted_are_taken_whoever_came_first(
    crop_mesh: str, look_and_answer: Path, tmp_path: Path
) -> None:
    card = await make(config(crop_mesh, look_and_answer, tmp_path, want=2, concurrency=8))
    assert [one.sample_id for one in read_trajectories(tmp_path)] == ["tiny-1", "tiny-4"]
    assert (card.accepted, card.questions) == (2, 5)


def alike(folder: Path) -> TaskConfig:
    """Questions that are all the same, but for the last."""
    task = folder / "alike.py"
    task.write_text(
        "import dataclasses\n"
        "from thinkimg_eval.scorers import exact\n"
        "from thinkimg_eval.task import Task\n"
        "from thinkimg_agent.sample import Sample\n"
        "import cv2, numpy as np\n"
        "DATA = cv2.imencode('.png', np.zeros((6, 8, 3), np.uint8))[1].tobytes()\n"
        "def alike():\n"
        "    asked = ['How many?'] * 3 + ['How many now?']\n"
        "    samples = [Sample(f's{n}', q, (DATA,), '1') for n, q in enumerate(asked)]\n"
        "    return Task('alike', '1', samples, exact, tools=('Crop',))\n"
    )
    return TaskConfig(name=f"{task}:alike")


async def test_questions_that_are_alike_are_kept_once(
    crop_mesh: str, look_and_answer: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    card = await make(config(crop_mesh, look_and_answer, out, task=alike(tmp_path)))
    assert (card.accepted, card.rejected["duplicate"].tries) == (2, 2)
    assert [one.sample_id for one in read_trajectories(out)] == ["s0", "s3"]
    aside = list(read_trajectories(tmp_path / "out" / "rejected"))
    assert [one.stop_detail for one in aside] == ["duplicate: of s0"] * 2
    assert [said for one in aside for said in problems(one, tmp_path / "out" / "rejected")] == []


async def test_what_turns_out_to_be_alike_does_not_count_for_what_is_wanted(
    crop_mesh: str, look_and_answer: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    collection = config(
        crop_mesh, look_and_answer, out, task=alike(tmp_path), want=2, concurrency=1
    )
    card = await make(collection)
    assert (card.accepted, card.attempts) == (2, 4)


async def test_an_episode_that_was_broken_off_is_no_rejection_and_tried_again(
    crop_mesh: str, tmp_path: Path
) -> None:
    script = tmp_path / "turns.txt"
    # The script ends before there is an answer, which is the policy's fault.
    script.write_text('<tool_call>\n{"name": "Crop", "arguments": {}}\n</tool_call>\n')
    collection = config(crop_mesh, script, tmp_path / "out", limit=2)
    card = await make(collection)
    assert (card.attempts, card.rejected) == (0, {})
    script.write_text(
        '<tool_call>\n{"name": "Crop", "arguments": {"box": {"x0": 0, "y0": 0, "x1": 4, "y1": 3}}}'
        "\n</tool_call>\n---\n<answer>1</answer>"
    )
    card = await make(collection)
    assert (card.attempts, card.accepted) == (2, 1)


async def test_a_folder_of_another_kind_is_refused(
    crop_mesh: str, look_and_answer: Path, tmp_path: Path
) -> None:
    await make(config(crop_mesh, look_and_answer, tmp_path / "a", limit=2))
    with pytest.raises(InvalidRequest, match="keep was 1 and is 2; give another --out"):
        await make(config(crop_mesh, look_and_answer, tmp_path / "a", limit=2, keep=2))
    with pytest.raises(InvalidRequest, match=r"is no collection: it has no collect\.json"):
        CollectFolder(tmp_path).origin()


def test_it_is_typed_as_a_command(
    crop_mesh: str,
    look_and_answer: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["collect", "--task", f"{TASK}:tiny", "--policy", f"scripted:{look_and_answer}"]
    words += ["--out", str(tmp_path / "out"), "--address", crop_mesh, "--limit", "3"]
    assert main([*words, "--checks.min_calls", "2"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[-4:] == [
        "0 accepted of 3 tries at 3 questions",
        "  rejected: 3 no_call, such as tiny-0",
        "  rejected: 2 wrong_answer, such as tiny-0",
        f"to read: {tmp_path / 'out' / PAGE}",
    ]
    assert main([*words, "--checks.min_call", "2"]) == 2
    assert "checks.min_call: there is no such field; did you mean min_calls?" in (
        capsys.readouterr().err
    )


def test_a_file_and_a_command_line_say_what_is_collected(tmp_path: Path) -> None:
    file = tmp_path / "collect.toml"
    file.write_text(
        '[collect]\ntask = "synthcharts"\npolicy = "planner:"\nout = "data"\n'
        "tries = 2\nteacher = { mistakes = 0.2 }\n"
    )
    read = read_collection(file, [("teacher.detours", "0.5"), ("task.split", "sft")])
    assert (read.tries, read.teacher.mistakes, read.teacher.detours) == (2, 0.2, 0.5)
    assert read.task.options == {"split": "sft"}
    assert not read.plans_first
    assert read_collection(file, [("policy", "openai:m")]).plans_first
    with pytest.raises(InvalidRequest, match=r"teacher\.mistakes: write a number, not .*at most 1"):
        read_collection(file, [("teacher.mistakes", "2")])
    with pytest.raises(InvalidRequest, match='write one of episodes, plan_first, not "plan"'):
        read_collection(file, [("method", "plan")])
    file.write_text("[run]\n")
    with pytest.raises(InvalidRequest, match="there is no such field; there are collect"):
        read_collection(file, [])
