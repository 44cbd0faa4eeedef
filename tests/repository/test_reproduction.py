"""`make repro`: its commands can be given, and its table and curves are made of what they leave."""

from __future__ import annotations

import io
import json
import shlex
from contextlib import redirect_stdout
from pathlib import Path

import msgspec
import pytest

import held_against
import repro
import unseen_names
from learning_curves import curve_of, draw_curves, smooth
from reproduction import ROOT, Row, Stages, cell, table, write_between
from thinkimg_eval.report.results import read_results
from thinkimg_eval.report.summary import Spread, Summary, ToolUse
from thinkimg_eval.run.reading import overrides_of, read_runs
from thinkimg_rpc.cli import main
from thinkimg_train.collect.config import read_collection
from thinkimg_train.config import SftConfig
from thinkimg_train.grpo import checked
from thinkimg_train.grpo_config import GrpoConfig
from thinkimg_train.logbook import NUMBERS
from thinkimg_train.reading import read_config

from ..train.collect.conftest import crop_mesh  # noqa: F401

QUESTIONS = 4


@pytest.fixture(scope="module")
def commands() -> list[list[str]]:
    """All that `make repro SEEDS=0,1 STEPS=10` would do."""
    said = io.StringIO()
    with redirect_stdout(said):
        repro.main(["--say", "--seeds", "0,1", "--steps", "10"])
    # What is done already is said again where it is needed.
    return [shlex.split(line)[2:] for line in dict.fromkeys(said.getvalue().splitlines())]


def test_every_command_can_be_given_as_it_is_said(commands: list[list[str]]) -> None:
    kinds: dict[str, int] = {}
    for first, *words in commands:
        kind = f"{first} {words.pop(0)}" if first != "collect" else first
        kinds[kind] = kinds.get(kind, 0) + 1
        words = ["--mesh.serve=true" if word == "--serve" else word for word in words]
        if kind == "eval run":
            read_runs(None, overrides_of({}, words))
        elif kind == "collect":
            read_collection(None, overrides_of({}, words))
        elif kind.startswith("train"):
            _, file, *over = words
            if kind == "train sft":
                read_config(SftConfig, ROOT / file, over)
            else:
                config = read_config(GrpoConfig, ROOT / file, over)
    checked(config)
    # Two lots of lessons, and each seed's own.
    assert kinds.pop("collect") == 2 + 2
    assert kinds.pop("data answers") == 2
    # Of each seed: two starts, and two that are trained on.
    assert kinds.pop("train sft") == 2 * (2 + 2)
    # Three arms, each of each seed, after three rates were tried; and one by chance.
    assert kinds.pop("train grpo") == 3 * (2 + 3) + 1
    # Each model small and whole, the planner, each rate, and the controls.
    assert kinds.pop("eval run") == 2 * (1 + 7 * 2) + 1 + 3 * 3 + 2 * 2 + 1
    assert kinds == {}


def test_arms_differ_in_their_start_and_in_tools_only(commands: list[list[str]]) -> None:
    told = {}
    for words in commands:
        if words[:2] == ["train", "grpo"]:
            config = read_config(GrpoConfig, ROOT / words[3], words[4:])
            if "-at-" not in str(config.out) and config.out.name != "by-chance-0":
                told[config.out.name] = json.loads(json.dumps(repr(config)))
    assert sorted(told) == [
        f"{arm}-{seed}" for arm in ("text-rl", "text-rl-of-base", "v-toolrl") for seed in (0, 1)
    ]
    for seed in (0, 1):
        alike = {
            told[f"{arm.name}-{seed}"]
            .replace(f"rl-10/{arm.name}-{seed}", "")
            .replace(f"runs/small/{arm.start}-{seed}/model", "")
            .replace(str(Stages.base), "")
            .replace("tools=('none',)", "tools=()")
            for arm in repro.ARMS
        }
        assert len(alike) == 1


@pytest.fixture(scope="module")
def answered(
    crop_mesh: str,  # noqa: F811
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, Path, Path]:
    """Runs of two that always say the same, and of one that can look."""
    folder = tmp_path_factory.mktemp("answered")
    folders = []
    for answer in ("no", "yes"):
        script = folder / f"{answer}.txt"
        script.write_text(f"<answer>{answer}</answer>\n")
        folders.append(_answer(f"scripted:{script}", folder / answer, crop_mesh))
    return folders[0], folders[1], _answer("planner:", folder / "planner", crop_mesh)


def _answer(policy: str, out: Path, mesh: str) -> Path:
    words = ["--task", "synthcharts", "--policy", policy, "--limit", str(QUESTIONS)]
    assert main(["eval", "run", *words, "--address", mesh, "--out", str(out)]) == 0
    return out


def test_the_table_has_a_column_for_each_row_of_runs(answered: tuple[Path, Path, Path]) -> None:
    no, yes, planner = answered
    lines = list(table([Row("guess", [no, yes], [no, no]), Row("planner", [planner])]))
    assert lines[0] == "| | guess | planner |"
    figures = {line.split("|")[1].strip(): line.split("|")[2:4] for line in lines[2:]}
    assert all(len(cells) == 2 for cells in figures.values())
    assert "±" in figures["**all**"][0]
    assert "±" not in figures["**all**"][1]
    assert figures["different tools a question"][0].strip() == "0.0 ± 0.0"
    assert figures["full view, no tools"][0].strip().endswith("± 0.0")
    assert figures["full view, no tools"][1].strip() == "-"


def test_the_most_common_answer_of_each_family_is_what_its_lessons_have_most(
    answered: tuple[Path, Path, Path],
) -> None:
    common = read_results(Stages().common_answers(answered[2])).results
    assert [one.sample_id for one in common] == [
        one.sample_id for one in read_results(answered[2]).results
    ]
    said = {(one.category, one.answer) for one in common}
    assert len(said) == len({category for category, _ in said})
    assert all(
        one.score == float(one.answer == one.truth) for one in common if one.truth in ("yes", "no")
    )
    line = list(table([Row("common", [answered[2].with_name("common")])]))[2]
    assert line.startswith("| **all** |")


def test_each_row_that_learned_is_held_against_ours_run_by_run(
    answered: tuple[Path, Path, Path],
) -> None:
    no, yes, planner = answered
    rows = [
        Row("base", [no]),
        Row("SFT", [no, yes]),
        Row(held_against.OURS, [yes, yes]),
        Row("planner", [planner], learned=False),
    ]
    lines = list(held_against.differences(rows))
    assert [line.split("|")[1].strip() for line in lines[4:]] == ["base", "SFT"]
    assert lines[5].split("|")[3].strip() == "+0.0 (+0.0 to +0.0)"
    assert "closes" in next(held_against.closed(rows))


def test_controls_are_held_against_the_best_that_learned_without_tools(
    answered: tuple[Path, Path, Path],
) -> None:
    no, yes, planner = answered
    rows = [
        Row("SFT", [yes]),
        Row("Text-RL from Base", [no]),
        Row("Text-RL from Text-SFT", [yes]),
        Row(held_against.OURS, [planner]),
    ]
    bad = [Row("tools switched off", [planner]), Row("reward of chance", [no])]
    lines = list(held_against.controls(rows, bad))
    best = 100 * held_against.accuracy_of(yes)
    assert lines[2] == (
        f"| tools switched off | {100 * held_against.accuracy_of(planner):.1f} "
        f"| {best + 3:.1f}, Text-RL + 3 |"
    )
    assert lines[3].endswith(f"| {best:.1f}, as SFT |")


def test_valid_calls_under_names_never_seen_stand_beside_those_seen(
    answered: tuple[Path, Path, Path],
) -> None:
    no = msgspec.json.decode((answered[0] / "summary.json").read_bytes(), type=Summary)
    of_a_call = Spread(mean=0.1, median=0.1, p95=0.1)

    def with_errors(errors: int) -> Summary:
        """Of a hundred calls."""
        use = ToolUse(calls=100, caller_errors=errors, accuracy=no.accuracy, seconds=of_a_call)
        tools = msgspec.structs.replace(no.tools, caller_errors=errors, by_tool={"Crop": use})
        return msgspec.structs.replace(no, tools=tools)

    told = {"their own": no, "seen": with_errors(2), "never seen": with_errors(6)}
    lines = list(unseen_names.table(told))
    assert lines[2] == f"| their own | - | 0.00 | {100 * (no.accuracy.mean or 0):.1f} |"
    assert "-4.0 points" in lines[-1]
    assert lines[-1].endswith(": met.")
    told["never seen"] = with_errors(8)
    assert list(unseen_names.table(told))[-1].endswith(": not met.")
    without_calls = list(unseen_names.table(dict.fromkeys(unseen_names.NAMES, no)))
    assert "nothing to compare" in without_calls[-1]
    for words in unseen_names.NAMES.values():
        asked = ["--task", "a", "--policy", "b:", "--out", "c", *map(str, words)]
        read_runs(None, overrides_of({}, asked))


def test_the_step_of_the_small_model_is_one(
    crop_mesh: str,  # noqa: F811
    tmp_path: Path,
) -> None:
    words = ["--config", repro.CONFIG, "--out", str(tmp_path), "--model.path", str(Stages.base)]
    words += ["--schedule.steps=1", "--rollout.groups=1", "--rollout.group_size=2", "--limit=2"]
    words += ["--mesh.serve=false", "--mesh.address", crop_mesh, "--rollout.tools", "Crop"]
    assert main(["train", "grpo", *words]) == 0
    assert (tmp_path / "model" / "config.json").exists()
    assert curve_of(tmp_path, "accuracy").shape == (1,)


def test_curves_are_drawn_of_what_runs_have_noted(tmp_path: Path) -> None:
    for run in ("a", "b"):
        (tmp_path / run).mkdir()
        lines = [
            json.dumps({"step": n, "accuracy": n / 40, "calls": 2.0, "distinct_tools": 1.0})
            for n in range(30)
        ]
        evaluated = json.dumps({"step": 29, "evaluation/accuracy": 0.5})
        (tmp_path / run / NUMBERS).write_text("\n".join([*lines, evaluated, ""]))
    values = curve_of(tmp_path / "a", "accuracy")
    assert len(values) == 30
    assert smooth(values)[0] == values[0]
    assert smooth(values)[20] == pytest.approx(values[11:21].mean())
    draw_curves({"V-ToolRL": [tmp_path / "a", tmp_path / "b"]}, tmp_path / "new" / "curves.png")
    assert (tmp_path / "new" / "curves.png").stat().st_size > 10_000


def test_what_was_written_is_replaced_and_the_page_around_it_stays(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Results\n")
    write_between(page, "make repro", "first")
    page.write_text(page.read_text() + "\n## More\n")
    write_between(page, "make repro", "second")
    text = page.read_text()
    assert text.startswith("# Results\n")
    assert text.endswith("\n## More\n")
    assert "first" not in text
    assert text.count("second") == 1


def test_a_figure_that_some_lack_is_that_of_the_others() -> None:
    assert cell([None, None]) == "-"
    assert cell([50.0, None]) == "50.0"
    assert cell([49.0, 51.0]) == "50.0 ± 1.4"
