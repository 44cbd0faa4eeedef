"""Configurations of training runs, from a TOML file and what a command line says over it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from thinkimg_eval.run.fields import Word, read_section
from thinkimg_eval.run.reading import override_of, read_toml
from thinkimg_rpc.errors import InvalidRequest

T = TypeVar("T")


def read_config(kind: type[T], file: Path | None, words: Sequence[str]) -> T:
    """The configuration in a file, with `--section.field value` of a command line over it.

    Raises: InvalidRequest, naming the field and the remedy; OSError.
    """
    return read_section(_table(file, words), kind)


def names_of(file: Path | None, words: Sequence[str]) -> set[str]:
    """The sections and fields that a configuration has, whatever it is of.

    Raises: InvalidRequest; OSError.
    """
    return set(_table(file, words))


def _table(file: Path | None, words: Sequence[str]) -> dict[str, Any]:
    table = {} if file is None else read_toml(file)
    for field, value in override_of(words):
        _put(table, field, value)
    return table


def _put(table: dict[str, Any], field: str, value: str) -> None:
    *sections, name = field.split(".")
    for section in sections:
        inner = table.setdefault(section, {})
        if not isinstance(inner, dict):
            raise InvalidRequest.field(field, f"{section} has no fields of its own")
        table = inner
    table[name] = Word(value)
