"""Configurations: read, overridden, shipped, and every field of them of use."""

from __future__ import annotations

import ast
import re
import typing
from pathlib import Path

import msgspec
import pytest

import thinkimg_train
from thinkimg_eval.run import renaming, surroundings
from thinkimg_rpc.errors import InvalidRequest
from thinkimg_train.config import SftConfig
from thinkimg_train.evaluation import check_evaluation
from thinkimg_train.grpo import checked
from thinkimg_train.grpo_config import GrpoConfig
from thinkimg_train.reading import names_of, read_config

PACKAGE = Path(thinkimg_train.__file__).parent
SHIPPED = sorted((PACKAGE.parent / "configs").glob("*.toml"))


def fields_of(section: type[msgspec.Struct]) -> set[str]:
    """The names of a section's fields, and of those of the sections in it."""
    names: set[str] = set()
    for name, hint in typing.get_type_hints(section).items():
        names.add(name)
        if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
            names |= fields_of(hint)
    return names


@pytest.mark.parametrize("config", [SftConfig, GrpoConfig])
def test_every_field_is_read_somewhere(config: type[msgspec.Struct]) -> None:
    of_evaluations = [Path(str(one.__file__)) for one in (renaming, surroundings)]
    read = {
        node.attr
        for path in (*PACKAGE.rglob("*.py"), *of_evaluations)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)
    }
    assert fields_of(config) - read == set()


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: str(file.stem))
def test_the_shipped_ones_are_valid(file: Path) -> None:
    if "task" in names_of(file, []):
        checked(read_config(GrpoConfig, file, []))
    else:
        check_evaluation(read_config(SftConfig, file, []).evaluation)


def test_a_command_line_stands_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "sft.toml"
    file.write_text(
        """
        out = "runs/a"
        [model]
        path = "model"
        dtype = "bfloat16"
        [data]
        trajectories = ["one"]
        [evaluation.run]
        task = {name = "synthcharts", split = "dev"}
        """
    )
    config = read_config(
        SftConfig,
        file,
        [
            *("--model.path=other", "--schedule.learning_rate", "2e-5"),
            *("--data.trajectories", "two,three", "--model.freeze_vision"),
            *("--evaluation.run.task.split", "test", "--evaluation.run.limit", "20"),
        ],
    )
    assert (config.out, config.model.path, config.model.dtype) == (
        Path("runs/a"),
        "other",
        "bfloat16",
    )
    assert config.schedule.learning_rate == 2e-5
    assert config.data.trajectories == (Path("two"), Path("three"))
    assert config.model.freeze_vision
    assert config.evaluation.run == {
        "task": {"name": "synthcharts", "split": "test"},
        "limit": "20",
    }


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--model.pth", "x"], r"model\.pth: there is no such field; did you mean path"),
        (["--schedule.kind", "square"], r"schedule\.kind"),
        (["--seed.x", "1"], r"seed"),
        (["--lora.dropout", "2"], r"lora\.dropout.*at most 1"),
        ([], "is missing"),
    ],
)
def test_what_does_not_fit_is_named(words: list[str], said: str) -> None:
    asked = ["--out", "x", "--model.path", "m", "--data.trajectories", "d", *words]
    with pytest.raises(InvalidRequest, match=said):
        read_config(SftConfig, None, asked if words else words)


@pytest.mark.parametrize(
    ("run", "said"),
    [
        ({}, r"task.*is missing"),
        ({"task": "x", "out": "y"}, r"evaluation\.run\.out: the trainer chooses"),
        ({"task": "x", "limit": "0"}, r"limit.*at least 1"),
    ],
)
def test_an_evaluation_that_cannot_be_is_refused_at_once(run: dict[str, object], said: str) -> None:
    asked = ["--out=x", "--model.path=m", "--data.trajectories=d", "--evaluation.every_steps=5"]
    config = read_config(SftConfig, None, asked)
    section = msgspec.structs.replace(config.evaluation, run=run)
    with pytest.raises(InvalidRequest, match=said):
        check_evaluation(section)


def test_the_fields_that_the_migration_page_names_exist() -> None:
    page = (PACKAGE.parents[1] / "docs" / "from-openthinkimg.md").read_text()
    named = re.findall(r"`thinkimg train sft --([\w.]+)`", page)
    assert named
    for field in named:
        section: typing.Any = SftConfig
        for part in field.split("."):
            assert part in typing.get_type_hints(section), field
            section = typing.get_type_hints(section)[part]
