"""How hard questions are, out of folders that evaluations and collections have left."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from thinkimg_eval.tasks import OpenedTask, open_task
from thinkimg_rpc.cli import main
from thinkimg_rpc.errors import InvalidRequest
from thinkimg_train.grpo import checked
from thinkimg_train.grpo_config import GrpoConfig
from thinkimg_train.reading import read_config
from thinkimg_train.rollouts.difficulty import known_rates
from thinkimg_train.rollouts.opening import open_order

from .runs import GAMES, words
from .tiny_player import answer

GAME = f"{GAMES}:only_the_tool_wins"


def opened(options: Mapping[str, object] = {}) -> OpenedTask:
    return open_task(GAME, options)


@pytest.fixture(scope="module")
def answered(echo_mesh: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """An evaluation and a collection of a policy that guesses 56 at once, always."""
    folder = tmp_path_factory.mktemp("answered")
    (folder / "guess.txt").write_text(answer(56))
    asked = ["--task", GAME, "--policy", f"scripted:{folder / 'guess.txt'}", "--limit", "6"]
    asked += ["--address", echo_mesh]
    assert main(["eval", "run", *asked, "--out", str(folder / "eval")]) == 0
    assert main(["collect", *asked, "--out", str(folder / "collect"), "--tries", "1"]) == 0
    return folder / "eval", folder / "collect"


@pytest.mark.parametrize("kind", ["evaluation", "collection"])
def test_a_folder_says_how_often_each_question_was_right(
    kind: str, answered: tuple[Path, Path]
) -> None:
    folder = answered[kind == "collection"]
    # A collection wants to see a call before it takes an answer; right is right all the same.
    assert known_rates([folder], opened()) == {0: 1, 1: 0, 2: 0, 3: 0, 4: 1, 5: 0}


def test_a_folder_of_other_questions_is_refused(answered: tuple[Path, Path]) -> None:
    with pytest.raises(InvalidRequest, match=r"curriculum\.known.*questions=8.*questions=4"):
        known_rates([answered[0]], opened({"questions": 4}))


def test_a_folder_of_nothing_is_named_before_anything_is_loaded(tmp_path: Path) -> None:
    asked = words(tmp_path, tmp_path, "", "only_the_tool_wins", curriculum__known=tmp_path)
    with pytest.raises(InvalidRequest, match=r"curriculum\.known.*thinkimg eval run"):
        checked(read_config(GrpoConfig, None, asked))
    asked = words(tmp_path, tmp_path, "", "only_the_tool_wins", curriculum__easy_first="true")
    with pytest.raises(InvalidRequest, match=r"easy_first.*curriculum\.known"):
        checked(read_config(GrpoConfig, None, asked))


def test_only_the_first_questions_are_asked_where_that_is_said(
    player: Path, echo_mesh: str, tmp_path: Path
) -> None:
    asked = words(tmp_path, player, echo_mesh, "only_the_tool_wins", limit=3)
    order = open_order(read_config(GrpoConfig, None, asked), opened())
    assert sorted(order.at(draw).index for draw in range(3)) == [0, 1, 2]
