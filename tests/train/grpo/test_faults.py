"""What a mesh does wrong changes no reward: a run waits for it, and goes on as if nothing were."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from thinkimg_rpc.errors import Unavailable
from thinkimg_train import grpo
from thinkimg_train.evaluation import free_port
from thinkimg_train.logbook import Logbook

from ...thinkimg_rpc.running_mesh import RunningServe
from ..runs import largest_difference
from .conftest import MESH
from .runs import make_run, numbers_of

GAME = "only_the_tool_wins"
SETTINGS = {
    "schedule__steps": 3,
    "schedule__learning_rate": 1e-4,
    "rollout__groups": 2,
    "rollout__group_size": 4,
    # Alone in its pass, a turn is the same to the last digit whenever it comes.
    "rollout__batch": 1,
    "limits__tool_timeout_s": 1.5,
    "pause__above_share": 0,
    "pause__wait_s": 0.2,
}


@contextmanager
def before_step(number: int, act: Callable[[], None]) -> Iterator[None]:
    """Something happens as that step, counted from 0, begins."""
    whole: Any = grpo._make_step

    def with_act(run: Any, step: int) -> None:
        if step == number:
            act()
        whole(run, step)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grpo, "_make_step", with_act)
        yield


@contextmanager
def when_said(word: str, act: Callable[[], None]) -> Iterator[list[str]]:
    """Something happens each time that a run says this; all that it says."""
    said: list[str] = []

    def say(logbook: Logbook, words: str) -> None:
        said.append(words)
        if word in words:
            act()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Logbook, "say", say)
        yield said


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, player: Path, echo_mesh: str) -> Path:
    out = tmp_path_factory.mktemp("undisturbed")
    make_run(out, player, echo_mesh, GAME, **SETTINGS)
    return out


def assert_same(out: Path, other: Path) -> None:
    for name in ("reward", "accuracy", "calls", "loss", "aborted"):
        assert [one[name] for one in numbers_of(out)] == [one[name] for one in numbers_of(other)]
    assert largest_difference(out / "model", other / "model") == 0


def test_a_run_outlives_a_restart_of_the_mesh(
    undisturbed: Path, player: Path, tmp_path: Path
) -> None:
    address = f"127.0.0.1:{free_port()}"
    (tmp_path / "mesh.toml").write_text(MESH.replace("127.0.0.1:0", address))
    first = RunningServe([], tmp_path)
    started: list[RunningServe] = [first]

    def restart() -> None:
        first.__exit__()
        started.append(RunningServe([], tmp_path))

    try:
        first.wait_served()
        with before_step(1, restart):
            make_run(tmp_path / "out", player, address, GAME, **SETTINGS)
    finally:
        for one in started:
            one.__exit__()
    assert numbers_of(tmp_path / "out")[1]["calls"] > 0
    assert_same(tmp_path / "out", undisturbed)


def test_a_worker_that_hangs_is_awaited(undisturbed: Path, player: Path, tmp_path: Path) -> None:
    (tmp_path / "mesh.toml").write_text(MESH)
    with RunningServe([], tmp_path) as serve:
        address = serve.wait_served()
        workers = serve.children()

        def hang() -> None:
            for worker in workers:
                worker.suspend()

        def wake() -> None:
            for worker in workers:
                if worker.is_running():
                    worker.resume()

        with before_step(1, hang), when_said("paused", wake) as said:
            make_run(tmp_path / "out", player, address, GAME, **SETTINGS)
    assert any("were aborted" in words for words in said)
    assert_same(tmp_path / "out", undisturbed)


def test_a_run_gives_up_when_tools_stay_away(player: Path, tmp_path: Path) -> None:
    (tmp_path / "mesh.toml").write_text(MESH)
    with RunningServe([], tmp_path) as serve:
        address = serve.wait_served()
        settings = SETTINGS | {"pause__give_up_s": 0.3, "retry__times": 0}
        with (
            before_step(1, lambda: serve.__exit__()),
            pytest.raises(Unavailable, match=r"aborted.*the same command goes on"),
        ):
            make_run(tmp_path / "out", player, address, GAME, **settings)
    assert len(numbers_of(tmp_path / "out")) == 1
