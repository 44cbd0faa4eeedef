"""`thinkimg eval run`, against a mesh that is served."""

from __future__ import annotations

import io
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web
from rich.console import Console

from thinkimg_agent.trajectory_file import read_trajectories
from thinkimg_eval.run.config import MeshSection, PolicyConfig, RetrySection, RunConfig, TaskConfig
from thinkimg_eval.run.folder import RunFolder
from thinkimg_eval.run.runner import run_all
from thinkimg_rpc.errors import InvalidRequest, Unavailable

from ..conftest import LOOK_AND_ANSWER

FILE = Path(__file__).with_name("tiny_task.py")


def config(address: str, script: Path, out: Path, **changed: Any) -> RunConfig:
    run = RunConfig(
        task=TaskConfig(name=f"{FILE}:tiny"),
        policy=PolicyConfig(name=f"scripted:{script}"),
        out=out,
        mesh=MeshSection(address=address),
        retry=RetrySection(times=1, wait_s=0.0),
    )
    return msgspec.structs.replace(run, **changed)


async def make(*configs: RunConfig) -> tuple[list[RunFolder], str]:
    """The folders of runs that were made, in order, and what was printed."""
    said = io.StringIO()
    ended: list[RunFolder] = []
    await run_all(configs, Console(file=said, width=200), on_end=ended.append)
    return ended, said.getvalue()


async def test_every_question_has_an_episode_in_the_tasks_order(
    crop_mesh: str, look_and_answer: Path, tmp_path: Path
) -> None:
    (folder,), _ = await make(config(crop_mesh, look_and_answer, tmp_path))
    episodes = list(read_trajectories(tmp_path))
    assert [one.sample_id for one in episodes] == [f"tiny-{n}" for n in range(12)]
    assert [one.score for one in episodes] == [float(n % 3 == 1) for n in range(12)]
    origin = folder.origin()
    assert (origin.task.name, origin.task.version, origin.task.questions) == ("tiny", "1", 12)
    assert list(origin.tools or {}) == ["Crop"]
    assert (origin.tools or {})["Crop"].startswith("1 opencv")


async def test_a_run_that_is_finished_needs_no_mesh_to_be_looked_at_again(
    crop_mesh: str, look_and_answer: Path, tmp_path: Path
) -> None:
    await make(config(crop_mesh, look_and_answer, tmp_path))
    before = (tmp_path / "trajectories.jsonl").read_bytes()
    await make(config("127.0.0.1:1", look_and_answer, tmp_path))
    assert (tmp_path / "trajectories.jsonl").read_bytes() == before


async def test_a_limit_and_a_seed_choose_the_questions(
    crop_mesh: str, look_and_answer: Path, tmp_path: Path
) -> None:
    (folder,), _ = await make(config(crop_mesh, look_and_answer, tmp_path, limit=5, seed=1))
    assert [one.truth for one in folder.trajectories()] == ["1", "2", "0", "1", "2"]
    with pytest.raises(InvalidRequest, match="seed was 1 and is not there"):
        await make(config(crop_mesh, look_and_answer, tmp_path, limit=5))


async def test_several_runs_share_a_mesh_and_go_into_folders_of_their_own(
    crop_mesh: str, look_and_answer: Path, tmp_path: Path
) -> None:
    first = config(crop_mesh, look_and_answer, tmp_path)
    second = msgspec.structs.replace(first, task=TaskConfig(name=f"{FILE}:other"))
    folders, _ = await make(first, second)
    assert [folder.path for folder in folders] == [tmp_path / "tiny", tmp_path / "other"]
    assert [len(folder.done()) for folder in folders] == [12, 4]


async def test_a_mistake_in_the_last_run_comes_out_before_the_first_begins(
    crop_mesh: str, look_and_answer: Path, tmp_path: Path
) -> None:
    first = config(crop_mesh, look_and_answer, tmp_path)
    wrong = msgspec.structs.replace(first.policy, dialect="prose")
    with pytest.raises(InvalidRequest, match=r'policy\.dialect: "prose" is none of openthinkimg'):
        await make(first, msgspec.structs.replace(first, name="b", policy=wrong))
    assert os.listdir(tmp_path) == []


async def test_episodes_that_were_broken_off_are_tried_again_by_the_same_command(
    crop_mesh: str, tmp_path: Path
) -> None:
    script = tmp_path / "turns.txt"
    # The script ends before there is an answer, which is the policy's fault.
    script.write_text('<tool_call>\n{"name": "Crop", "arguments": {}}\n</tool_call>\n')
    run = config(crop_mesh, script, tmp_path / "run", limit=3)
    (folder,), _ = await make(run)
    assert [one.aborted for one in folder.done().values()] == [True] * 3
    script.write_text("<answer>1</answer>")
    (folder,), _ = await make(run)
    assert [(one.answer, one.score) for one in folder.trajectories()] == [
        ("1", 0.0),
        ("1", 1.0),
        ("1", 0.0),
    ]
    assert len(list(read_trajectories(folder.path))) == 3


async def test_a_run_in_which_nothing_works_gives_up(crop_mesh: str, tmp_path: Path) -> None:
    script = tmp_path / "turns.txt"
    script.write_text('<tool_call>\n{"name": "Crop", "arguments": {}}\n</tool_call>\n')
    task = TaskConfig(name=f"{FILE}:tiny", options={"questions": 200})
    run = config(crop_mesh, script, tmp_path / "run", task=task, concurrency=8)
    with pytest.raises(Unavailable, match=r"the last 32 episodes were all broken off: the script"):
        await make(run)
    assert 32 <= len(RunFolder(tmp_path / "run").done()) < 60


async def test_a_tool_that_the_task_needs_and_the_mesh_lacks_is_named(
    crop_mesh: str, look_and_answer: Path, tmp_path: Path
) -> None:
    with pytest.raises(Exception, match='no tool named "OCR"'):
        await make(config(crop_mesh, look_and_answer, tmp_path, tools=("OCR",)))


async def test_a_policy_can_be_asked_without_any_tool(crop_mesh: str, tmp_path: Path) -> None:
    script = tmp_path / "turns.txt"
    script.write_text("<answer>1</answer>")
    (folder,), _ = await make(config(crop_mesh, script, tmp_path / "run", tools=("none",)))
    assert not any(one.tools for one in folder.trajectories())
    assert not any("Crop" in one.system for one in folder.trajectories())


async def test_an_address_where_no_mesh_is_gets_the_remedy(
    look_and_answer: Path, tmp_path: Path
) -> None:
    with pytest.raises(Unavailable, match=r"no mesh answers at 127\.0\.0\.1:1; .*--serve"):
        await make(config("127.0.0.1:1", look_and_answer, tmp_path))


async def test_a_mesh_is_served_for_the_run_where_it_is_asked_for(
    look_and_answer: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mesh.toml").write_text(
        '[[worker]]\nname = "image"\ntools = ["thinkimg_workers.crop:Crop"]\n'
    )
    monkeypatch.chdir(tmp_path)
    run = config("", look_and_answer, Path("run"), limit=2, mesh=MeshSection(serve=True))
    (folder,), said = await make(run)
    assert said.splitlines()[:2] == [
        "serving a mesh for this run: mesh.toml",
        "tiny: 2 questions to answer, with Crop",
    ]
    assert len(folder.done()) == 2


async def test_several_servers_of_one_model_share_the_episodes(
    crop_mesh: str, look_and_answer: Path, tmp_path: Path
) -> None:
    turns = LOOK_AND_ANSWER.split("\n---\n")
    async with one_model(turns) as first, one_model(turns) as second:
        policy = PolicyConfig(name="openai:m", base_url=(first.url, second.url))
        (folder,), _ = await make(
            config(crop_mesh, look_and_answer, tmp_path, policy=policy, concurrency=4)
        )
    assert [one.answer for one in folder.trajectories()] == ["1"] * 12
    assert first.turns + second.turns == 24
    assert min(first.turns, second.turns) >= 6
    # Both turns of an episode are one server's.
    assert not first.questions & second.questions


@dataclass
class Server:
    """What a server of the model was asked."""

    url: str
    turns: int = 0
    questions: set[str] = field(default_factory=set)


@asynccontextmanager
async def one_model(script: list[str]) -> AsyncIterator[Server]:
    """An OpenAI-compatible server that says what stands in a script."""

    async def answer(request: web.Request) -> web.Response:
        said = (await request.json())["messages"]
        text = script[sum(message["role"] == "assistant" for message in said)]
        server.turns += 1
        server.questions.add(said[1]["content"][-1]["text"])
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        return web.json_response({"id": "1", "object": "chat.completion", "choices": [choice]})

    app = web.Application()
    app.router.add_post("/v1/chat/completions", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server = Server(f"http://127.0.0.1:{runner.addresses[0][1]}/v1")
    try:
        yield server
    finally:
        await runner.cleanup()


async def test_as_many_episodes_as_asked_for_are_in_flight(
    crop_mesh: str, look_and_answer: Path, tmp_path: Path
) -> None:
    task = TaskConfig(name=f"{FILE}:together", options={"episodes": 3})
    run = config(crop_mesh, look_and_answer, tmp_path, task=task, concurrency=3)
    (folder,), _ = await make(run)
    assert [one.score for one in folder.trajectories()] == [1.0] * 12
