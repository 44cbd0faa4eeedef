"""Reading arguments as JSON, more strictly than `json` does."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from typing import Any

from thinkimg_rpc import wording
from thinkimg_rpc.errors import FieldViolation, InvalidRequest

_MAX_DEPTH = 32
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]{1,64}")

Violations = list[FieldViolation]


class _Repeating(dict[str, Any]):
    """An object in which keys came twice."""

    repeated: tuple[str, ...] = ()


def read_arguments(arguments: Mapping[str, Any] | str) -> tuple[dict[str, Any], Violations]:
    """The arguments as plain JSON values, and what JSON cannot say or ours may not.

    In place of a value that a violation names there is None. Refused are NaN,
    infinity and numbers too large for a double, keys given twice, keys that are
    no text, text that is no Unicode, and Python objects with no place in JSON.

    Raises: InvalidRequest, when they are not JSON at all or not an object.
    """
    loaded = _load(arguments) if isinstance(arguments, str) else arguments
    if not isinstance(loaded, Mapping):
        raise InvalidRequest(
            f"the arguments must be a JSON object, {{…}}, got {wording.kind_of(loaded)}"
        )
    found: Violations = []
    return _clean_object(loaded, "", 0, found), found


def inside(path: str, key: str | int) -> str:
    """The path of what stands under `key` of the value at `path`: `points[2].x`."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    shown = key if _PLAIN_KEY.fullmatch(key) else wording.quoted(key)
    return f"{path}.{shown}" if path else shown


def _load(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise InvalidRequest(f"the arguments are not JSON: {where}: {error.msg}") from error
    except RecursionError as error:
        raise InvalidRequest(f"the arguments are nested more than {_MAX_DEPTH} deep") from error
    except ValueError as error:  # Python refuses integers of thousands of digits
        raise InvalidRequest("the arguments hold a number of too many digits") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    plain = dict(pairs)
    if len(plain) == len(pairs):
        return plain
    repeating = _Repeating(plain)
    keys = [key for key, _ in pairs]
    repeating.repeated = tuple(key for key in plain if keys.count(key) > 1)
    return repeating


def _clean_object(
    value: Mapping[Any, Any], path: str, depth: int, found: Violations
) -> dict[str, Any]:
    clean: dict[str, Any] = {}
    for key, item in value.items():
        if isinstance(key, str):
            clean[key] = _clean(item, inside(path, key), depth + 1, found)
        else:
            found.append(FieldViolation(path, f"keys must be text, got {type(key).__name__}"))
    if isinstance(value, _Repeating):
        found += [FieldViolation(inside(path, key), "given twice") for key in value.repeated]
    return clean


def _clean(value: Any, path: str, depth: int, found: Violations) -> Any:
    problem = ""
    if depth > _MAX_DEPTH:
        problem = f"nested more than {_MAX_DEPTH} deep"
    elif isinstance(value, Mapping):
        return _clean_object(value, path, depth, found)
    elif isinstance(value, list | tuple):
        return [
            _clean(item, inside(path, index), depth + 1, found) for index, item in enumerate(value)
        ]
    elif isinstance(value, str):
        problem = "" if _is_unicode(value) else "holds half a surrogate pair, which is no text"
    elif isinstance(value, int | float):
        if not abs(value) <= sys.float_info.max:
            problem = f"must be a finite number, got {wording.number(value)}"
    elif value is not None:
        problem = f"{type(value).__name__} is not a JSON value"
    if not problem:
        return value
    found.append(FieldViolation(path, problem))
    return None


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
