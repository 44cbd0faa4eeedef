"""JSON as models write it: the object itself, or fenced, with nothing else around it."""

from __future__ import annotations

import json
import re
from typing import Any

from thinkimg_agent.reply import Unparseable, WrittenCall
from thinkimg_rpc import wording

_FENCED = re.compile(r"```(?:json)?\s*\n(.*?)\n?```", re.DOTALL)


def read_object(text: str, what: str) -> dict[str, Any]:
    """The one JSON object in a text that has nothing else but a Markdown fence.

    Raises: Unparseable, with line and column.
    """
    fenced = _FENCED.fullmatch(text.strip())
    source = fenced[1] if fenced else text
    try:
        value = json.loads(source, object_pairs_hook=_without_repeats, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise Unparseable(f"{what} is not valid JSON at {where}: {error.msg}") from error
    except RecursionError as error:
        raise Unparseable(f"{what} is nested too deeply") from error
    except ValueError as error:
        raise Unparseable(f"{what} is not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise Unparseable(f"{what} must be a JSON object, {{…}}, got {wording.kind_of(value)}")
    return value


def read_call(value: Any, where: str) -> WrittenCall:
    """A call from its JSON, {"name": …, "arguments": {…}}. Raises: Unparseable."""
    if not isinstance(value, dict):
        raise Unparseable(f'{where} must be {{"name": …, "arguments": {{…}}}}')
    unknown = sorted(value.keys() - {"name", "arguments"})
    if unknown:
        raise Unparseable(
            f"{where} has a key {wording.quoted(unknown[0])} it cannot have: "
            'a call has "name" and "arguments"'
        )
    name, arguments = value.get("name"), value.get("arguments", {})
    if not isinstance(name, str) or not name:
        raise Unparseable(f'{where}: "name" must be the name of a tool')
    if not isinstance(arguments, dict):
        raise Unparseable(
            f'{where}: "arguments" must be a JSON object, got {wording.kind_of(arguments)}'
        )
    return WrittenCall(name, arguments)


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"{wording.quoted(twice)} is given twice")
    return value


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no number JSON has")
