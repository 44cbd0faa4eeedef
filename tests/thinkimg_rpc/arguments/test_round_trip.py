"""Properties: what arguments can be, and what becomes of them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from thinkimg_rpc.arguments import arguments_of, build_request, request_json
from thinkimg_rpc.contract import ToolContract
from thinkimg_rpc.errors import CallerError
from thinkimg_rpc.rules import violations
from thinkimg_rpc.schema import json_schema
from thinkimg_rpc.v1 import Image

IMAGES = {"img_1": Image(digest="a" * 64), "img_2": Image(digest="b" * 64)}
NAMES = {image.digest: name for name, image in IMAGES.items()}
Values = st.SearchStrategy[Any]
Path = tuple[str | int, ...]

SCALARS: Values = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
JSON: Values = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
"""Any JSON value, and NaN and infinity."""


@pytest.fixture(scope="session", params=["crop", "draw", "ocr", "echo", "shapes"])
def contract(request: pytest.FixtureRequest) -> ToolContract:
    found: ToolContract = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="session", params=["crop", "draw", "ocr"])
def built_in(request: pytest.FixtureRequest) -> ToolContract:
    found: ToolContract = request.getfixturevalue(request.param)
    return found


def _valid(schema: dict[str, Any]) -> Values:
    """Values that a schema accepts, with images by the names in IMAGES."""
    match schema["type"]:
        case "object":
            return _valid_objects(schema)
        case "array":
            # Few, because many take long to make and show nothing further.
            few = min(schema.get("maxItems", 3), 3)
            return st.lists(
                _valid(schema["items"]), min_size=schema.get("minItems", 0), max_size=few
            )
        case "boolean":
            return st.booleans()
        case "integer":
            return st.integers(schema["minimum"], schema["maximum"])
        case "number":
            low, high = schema.get("minimum"), schema.get("maximum")
            return st.floats(low, high, allow_nan=False, allow_infinity=False)
    return _valid_texts(schema)


def _valid_texts(schema: dict[str, Any]) -> Values:
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "contentEncoding" in schema:
        return st.binary(max_size=4).map(lambda data: base64.b64encode(data).decode())
    if "img_1" in schema.get("description", "") or schema == {"type": "string"}:
        return st.sampled_from(sorted(IMAGES))
    longest = min(schema.get("maxLength", 20), 20)
    return st.text(min_size=schema.get("minLength", 0), max_size=longest)


def _valid_objects(schema: dict[str, Any]) -> Values:
    fields = {name: _valid(part) for name, part in schema["properties"].items()}
    if "ratio" in fields:  # a plain 32-bit float, which tells -0.0 from an absent value
        # (and whose largest values protobuf's JSON rounds up to what it then refuses).
        finite = st.floats(-(2.0**127), 2.0**127, width=32)
        fields["ratio"] = finite.map(lambda value: value + 0.0)
    # With two images, one has to be named.
    needed = {*schema["required"], *(name for name in fields if name == "image")}
    objects = st.fixed_dictionaries(
        {name: fields[name] for name in needed},
        optional={name: fields[name] for name in fields.keys() - needed},
    )
    return objects.map(partial(_without_excluded, schema.get("allOf", [])))


def _without_excluded(pairs: list[Any], value: dict[str, Any]) -> dict[str, Any]:
    """The value without the second of each pair of fields that exclude each other."""
    for pair in pairs:
        first, second = pair["not"]["required"]
        if first in value:
            value.pop(second, None)
    return value


def _spoilt(arguments: dict[str, Any], data: st.DataObject, junk: Values) -> Any:
    """The arguments with one value replaced, dropped or added somewhere."""
    spoilt = json.loads(json.dumps(arguments))
    path = data.draw(st.sampled_from(list(_paths(spoilt)) or [("extra",)]))
    place = spoilt
    for key in path[:-1]:
        place = place[key]
    match data.draw(st.sampled_from(["replace", "drop", "add"])):
        case "drop" if path[-1] != "extra":
            del place[path[-1]]
        case "add" if isinstance(place, dict):
            place[data.draw(st.text(max_size=5))] = data.draw(junk)
        case _:
            place[path[-1]] = data.draw(junk)
    return spoilt


def _paths(value: Any, path: Path = ()) -> Iterator[Path]:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        yield (*path, key)
        if isinstance(item, dict | list):
            yield from _paths(item, (*path, key))


@given(data=st.data())
def test_arguments_come_back_from_the_request_they_made(
    contract: ToolContract, data: st.DataObject
) -> None:
    arguments = data.draw(_valid(json_schema(contract)))
    request = build_request(contract, arguments, IMAGES)
    again = arguments_of(request, NAMES)
    # A plain field at its default is the same as one left out.
    fields = contract.request.fields_by_name
    assert again == {k: v for k, v in arguments.items() if v or fields[k].has_presence}
    assert build_request(contract, json.dumps(again), IMAGES) == request


@given(data=st.data())
def test_a_request_that_was_built_breaks_no_rule_and_reads_as_protobuf_json(
    contract: ToolContract, data: st.DataObject
) -> None:
    request = build_request(contract, data.draw(_valid(json_schema(contract))), IMAGES)
    assert violations(request) == ()
    assert json_format.ParseDict(request_json(request), contract.request_class()) == request


@given(data=st.data())
def test_the_schema_accepts_exactly_what_makes_a_request(
    built_in: ToolContract, data: st.DataObject
) -> None:
    schema = json_schema(built_in)
    finite = st.none() | st.booleans() | st.integers() | st.text(max_size=40)
    junk = finite | st.floats(allow_nan=False, allow_infinity=False) | st.lists(finite, max_size=2)
    arguments = _spoilt(data.draw(_valid(schema)), data, junk)
    if isinstance(arguments.get("image"), str):
        arguments["image"] = "img_1"
    accepted = Draft202012Validator(schema).is_valid(arguments)
    only = {"img_1": IMAGES["img_1"]}
    if accepted:
        build_request(built_in, arguments, only)
    else:
        with pytest.raises(CallerError):
            build_request(built_in, arguments, only)


@given(data=st.data())
def test_arguments_with_anything_wrong_raise_a_callers_error_and_nothing_else(
    contract: ToolContract, data: st.DataObject
) -> None:
    arguments = _spoilt(data.draw(_valid(json_schema(contract))), data, JSON)
    _build_or_refuse(contract, arguments)
    _build_or_refuse(contract, json.dumps(arguments))


@given(arguments=st.dictionaries(st.text(), JSON, max_size=4) | st.text())
def test_arbitrary_json_and_text_raise_a_callers_error_and_nothing_else(
    contract: ToolContract, arguments: Any
) -> None:
    _build_or_refuse(contract, arguments)
    _build_or_refuse(contract, json.dumps(arguments))


def _build_or_refuse(contract: ToolContract, arguments: Any) -> None:
    refusal = ""
    try:
        request = build_request(contract, arguments, IMAGES)
    except CallerError as error:
        refusal = error.message
    else:
        assert violations(request) == ()
    assert "\n" not in refusal
    refusal.encode()
