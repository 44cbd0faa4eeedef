"""Values for typed fields, with words that name the field and the remedy where they do not fit."""

from __future__ import annotations

import dataclasses
import difflib
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, TypeVar

import msgspec

from thinkimg_rpc.errors import InvalidRequest

T = TypeVar("T")

_WRITE: dict[Any, str] = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "text",
    Path: "a path",
    tuple: "a list",
    dict: "a table",
}


class Word(str):
    """Text of a command line, where also numbers are written as text."""


def read_section(table: Any, kind: type[T], where: str = "") -> T:
    """A struct or dataclass from a table, field by field.

    Raises: InvalidRequest, naming the field as `where.field`.
    """
    if not isinstance(table, Mapping):
        raise InvalidRequest.field(where, f"write a table, not {_shown(table)}")
    hints = typing.get_type_hints(kind, include_extras=True)
    refuse_unknown(table, hints, where)
    for name in _required(kind):
        if name not in table:
            raise InvalidRequest.field(join(where, name), "is missing")
    values = {name: read(value, hints[name], join(where, name)) for name, value in table.items()}
    return kind(**values)


def read(value: Any, hint: Any, where: str) -> Any:
    """A value of the type `hint`. Raises: InvalidRequest."""
    if isinstance(hint, type) and (
        issubclass(hint, msgspec.Struct) or dataclasses.is_dataclass(hint)
    ):
        return read_section(value, hint, where)
    if isinstance(value, Mapping) and typing.get_origin(hint) is dict:
        inner = typing.get_args(hint)[1]
        if inner is not Any:
            return {name: read(one, inner, join(where, name)) for name, one in value.items()}
    loose = isinstance(value, Word)
    if loose:
        value = _plain(value, hint)
    try:
        return msgspec.convert(value, hint, strict=not loose, dec_hook=_path)
    except msgspec.ValidationError as error:
        raise InvalidRequest.field(
            where, f"write {_wanted(hint)}, not {_shown(value)}{_bound(str(error))}"
        ) from error


def refuse_unknown(names: Iterable[str], known: Iterable[str], where: str) -> None:
    """Raises: InvalidRequest, with the nearest of the known names."""
    choices = list(known)
    for name in names:
        if name in choices:
            continue
        near = difflib.get_close_matches(name, choices, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(choices)}"
        if not choices:
            hint = "there are none"
        raise InvalidRequest.field(join(where, name), f"there is no such field; {hint}")


def join(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _plain(word: str, hint: Any) -> str | list[str]:
    if typing.get_origin(hint) is tuple:
        return [one.strip() for one in word.split(",") if one.strip()]
    return str(word)


def _required(kind: type[Any]) -> list[str]:
    if issubclass(kind, msgspec.Struct):
        return [field.name for field in msgspec.structs.fields(kind) if field.required]
    return [
        field.name
        for field in dataclasses.fields(kind)
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    ]


def _path(kind: type[Any], value: Any) -> Any:
    if kind is Path and isinstance(value, str):
        return Path(value).expanduser()
    raise ValueError("not a path")


def _wanted(hint: Any) -> str:
    origin = typing.get_origin(hint)
    if origin is typing.Literal:
        return f"one of {', '.join(str(word) for word in typing.get_args(hint) if word)}"
    if origin is typing.Annotated:
        return _wanted(typing.get_args(hint)[0])
    if origin in (typing.Union, UnionType):
        parts = [part for part in typing.get_args(hint) if part is not NoneType]
        return " or ".join(_wanted(part) for part in parts)
    return _WRITE.get(origin or hint, str(hint))


def _bound(problem: str) -> str:
    """What a value has to be at least or at most, if that was the trouble."""
    for sign, words in ((">=", "at least"), ("<=", "at most")):
        _, found, rest = problem.partition(f"{sign} ")
        if found:
            return f": {words} {rest.split()[0].rstrip('`')}"
    return ""


def _shown(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)
