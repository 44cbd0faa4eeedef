"""One pass of the step that comes next, as a page."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from thinkimg_rpc.errors import InvalidRequest, OutOfRange
from thinkimg_train.grpo_config import GrpoConfig
from thinkimg_train.inspect.played import inspect_next_step
from thinkimg_train.reading import read_config

from ...thinkimg_rpc.running_mesh import thinkimg
from .runs import make_run, words

GAME = "only_the_tool_wins"
SHORT = {"schedule__steps": 1, "rollout__groups": 2, "rollout__group_size": 4}


@pytest.fixture(scope="module")
def asked(player: Path, echo_mesh: str, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return words(tmp_path_factory.mktemp("run"), player, echo_mesh, GAME, **SHORT)


def test_each_token_has_its_advantage_its_ratio_and_whether_it_is_learned_from(
    asked: list[str],
) -> None:
    view = inspect_next_step(read_config(GrpoConfig, None, asked), 1, 1, Console(quiet=True))
    assert view.columns == (
        *("advantage", "logprob", "sampler's logprob", "ratio to the sampler", "learned from"),
    )
    assert len(view.rows) == 8
    advantages = set()
    for row in view.rows:
        for stretch in row.stretches:
            for token in stretch.tokens:
                *_, ratio, learned = map(float, token.values)
                assert (learned == 1) == token.trained == (stretch.role == "assistant")
                if token.trained:
                    assert ratio == pytest.approx(1, abs=1e-3)
                    advantages.add(float(token.values[0]) > 0)
    assert advantages == {True, False}


def test_the_command_writes_the_page_and_leaves_the_run_as_it_is(
    asked: list[str], tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    finished = thinkimg("train", "inspect", "--page", str(page), *asked)
    assert finished.returncode == 0, finished.stderr
    assert "ratio to the sampler" in page.read_text()
    out = read_config(GrpoConfig, None, asked).out
    assert list(out.iterdir()) == []


def test_the_step_after_the_newest_checkpoint_is_played(
    player: Path, echo_mesh: str, tmp_path: Path
) -> None:
    make_run(tmp_path, player, echo_mesh, GAME, **SHORT)
    config = read_config(GrpoConfig, None, words(tmp_path, player, echo_mesh, GAME, **SHORT))
    assert inspect_next_step(config, 1, 1, Console(quiet=True)).title == "step 2, pass 1"
    with pytest.raises(OutOfRange, match="fewer passes"):
        inspect_next_step(config, 1, 9, Console(quiet=True))
    with pytest.raises(InvalidRequest, match="only the next step"):
        inspect_next_step(config, 4, 1, Console(quiet=True))
