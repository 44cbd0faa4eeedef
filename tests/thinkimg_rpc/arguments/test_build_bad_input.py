"""Arguments that are wrong get one error that names each field and the remedy."""

from __future__ import annotations

from typing import Any

import pytest

from thinkimg_rpc.arguments import build_request
from thinkimg_rpc.contract import ToolContract
from thinkimg_rpc.errors import InvalidRequest
from thinkimg_rpc.v1 import Image

IMAGES = {"img_1": Image(digest="a" * 64)}
BOX = {"x0": 1, "y0": 2, "x1": 30, "y1": 40}
LEAST: dict[str, Any] = {"mode": "fast", "points": [{"x": 1, "y": 2}]}


def _refusal(contract: ToolContract, arguments: Any) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        build_request(contract, arguments, IMAGES)
    return caught.value


def _said(contract: ToolContract, arguments: Any) -> dict[str, str]:
    return {v.field: v.description for v in _refusal(contract, arguments).violations}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"box": ', "the arguments are not JSON: line 1, column 9: Expecting value"),
        ('{\n "box" 1}', "the arguments are not JSON: line 2, column 8: Expecting ':' delimiter"),
        ("", "the arguments are not JSON: line 1, column 1: Expecting value"),
        ("{'box': 1}", "line 1, column 2: Expecting property name enclosed in double quotes"),
        ('{"box": 1} thanks', "line 1, column 12: Extra data"),
        ("[1]", "the arguments must be a JSON object, {…}, got a list"),
        ('"{}"', 'the arguments must be a JSON object, {…}, got the text "{}"'),
        ("null", "the arguments must be a JSON object, {…}, got null"),
        ("NaN", "the arguments must be a JSON object, {…}, got the number NaN"),
        ('{"box": ' + "[" * 100_000, "the arguments are nested more than 32 deep"),
        ('{"scale": ' + "9" * 5000 + "}", "the arguments hold a number of too many digits"),
    ],
)
def test_text_that_is_no_json_object_is_said_so(
    crop: ToolContract, text: str, message: str
) -> None:
    assert message in _refusal(crop, text).message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("NaN", "must be a finite number, got NaN"),
        ("-Infinity", "must be a finite number, got -infinity"),
        ("1e400", "must be a finite number, got infinity"),
        ("1" + "0" * 400, "must be a finite number, got about 1e400"),
        ('"5"', 'expected a number, got the text "5"'),
        ("null", "expected a number, got null"),
        ("true", "expected a number, got true"),
        ("[]", "expected a number, got a list"),
        ("{}", "expected a number, got an object"),
    ],
)
def test_a_coordinate_that_is_no_number_is_named(crop: ToolContract, text: str, said: str) -> None:
    arguments = f'{{"box": {{"x0": {text}, "y0": 0, "x1": 1, "y1": 1}}}}'
    assert _said(crop, arguments) == {"box.x0": said}


def test_a_key_given_twice_is_named(crop: ToolContract) -> None:
    text = '{"box": {"x0": 1, "x0": 2, "y0": 0, "x1": 5, "y1": 5}, "scale": 1, "scale": 2}'
    assert _said(crop, text) == {"box.x0": "given twice", "scale": "given twice"}


def test_an_unknown_field_gets_the_near_one_and_all_there_are(crop: ToolContract) -> None:
    assert _said(crop, {"box": {**BOX, "width": 3}, "Scale": 2, "bbox": 1}) == {
        "box.width": "unknown field (the fields are x0, y0, x1, y1)",
        "Scale": "unknown field (did you mean scale? "
        "the fields are image, box, padding, scale, format)",
        "bbox": "unknown field (did you mean box? "
        "the fields are image, box, padding, scale, format)",
    }


def test_the_names_of_protobufs_other_spelling_are_unknown(ocr: ToolContract) -> None:
    assert _said(ocr, {"minScore": 0.1})["minScore"].startswith(
        "unknown field (did you mean min_score?"
    )


def test_missing_fields_say_what_to_give(crop: ToolContract) -> None:
    assert _said(crop, {}) == {"box": "required (The region to keep, inside the image)"}
    assert _said(crop, {"box": {"x0": 1, "y0": 1}}) == {
        "box.x1": "required (Right edge, larger than x0)",
        "box.y1": "required (Bottom edge, larger than y0)",
    }


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("weights", [0, 1.5], ("[1]", "must be from 0 to 1, got 1.5")),
        ("weights", 1, ("", "expected a list of numbers, got the number 1")),
        ("weights", [[]], ("[0]", "expected a number, got a list")),
        ("weights", [0] * 31, ("", "must have at most 30 items, got 31")),
        ("points", [], ("", "must not be empty (Where to look)")),
        ("points", [{"x": 1}], ("[0].y", "required (Distance from the top edge)")),
        ("points", {"x": 1, "y": 1}, ("", "expected a list of objects, got an object")),
        ("labels", ["abcdef"], ("[0]", "must be at most 5 characters long, got 6")),
        ("labels", [1], ("[0]", "expected a text, got the number 1")),
        ("mode", "exakt", ("", 'must be one of fast, exact, not "exakt" (did you mean exact?)')),
        ("mode", 3, ("", "expected one of fast, exact, got the number 3")),
        ("styles", "x", ("", "expected a list, each item one of "
                             'LINE_STYLE_SOLID, LINE_STYLE_DASHED, got the text "x"')),
        ("styles", ["dashed"], ("[0]", "must be one of LINE_STYLE_SOLID, LINE_STYLE_DASHED, "
                                'not "dashed" (did you mean LINE_STYLE_DASHED?)')),
        ("styles", [1], ("[0]", "expected one of LINE_STYLE_SOLID, LINE_STYLE_DASHED, "
                         "got the number 1")),
        ("small", 9, ("", "must be from -5 to 5, got 9")),
        ("small", 0.5, ("", "expected an integer, got the number 0.5")),
        ("small", None, ("", "expected an integer, got null (leave it out instead)")),
        ("large", 2**63, ("", "must be from -9223372036854775808 to 9223372036854775807, "
                          "got 9223372036854775808")),
        ("huge", -1, ("", "must be from 0 to 18446744073709551615, got -1")),
        ("ratio", 1e39, ("", "must be a finite number, got infinity")),
        ("flag", 1, ("", "expected true or false, got the number 1")),
        ("mask", "AA", ("", "is not base64, which bytes are written in")),
        ("mask", "é", ("", "is not base64, which bytes are written in")),
        ("mask", "AAAAAAAA", ("", "must be at most 4 bytes long, got 6")),
        ("mask", b"raw", ("", "bytes is not a JSON value")),
        ("panel", {"title": ""}, (".title", "must not be empty (What stands above it)")),
        ("panel", {"title": "\ud800"}, (".title", "holds half a surrogate pair, which is no text")),
        ("panel", {"title": {1, 2}}, (".title", "set is not a JSON value")),
        ("references", ["img_1"] * 3, ("", "must have at most 2 items, got 3")),
    ],
)  # fmt: skip
def test_each_kind_of_field_says_what_it_takes(
    shapes: ToolContract, field: str, value: Any, said: tuple[str, str]
) -> None:
    where, description = said
    assert _said(shapes, {**LEAST, field: value}) == {field + where: description}


def test_of_a_oneof_only_one_may_be_given(shapes: ToolContract) -> None:
    both = {**LEAST, "box": BOX, "point": {"x": 1, "y": 1}}
    assert _said(shapes, both) == {"point": "give either this or box, not both"}


def test_everything_wrong_is_said_at_once(crop: ToolContract) -> None:
    text = """{"image": "img_9", "box": {"x0": "5", "x1": NaN, "y1": 3, "z": 1},
               "scale": 99, "format": "GIF"}"""
    assert set(_said(crop, text)) == {
        "image", "box.x0", "box.y0", "box.x1", "box.z", "scale", "format",
    }  # fmt: skip


def test_the_message_is_one_line(crop: ToolContract) -> None:
    message = _refusal(crop, {"a\nb": 1, "format": "x\ny"}).message
    assert "\n" not in message
    assert '"a\\nb": unknown field' in message


def test_keys_that_are_no_text_are_refused(crop: ToolContract) -> None:
    assert _said(crop, {"box": {**BOX, 5: 1}}) == {"box": "keys must be text, got int"}


def test_very_long_values_are_cut(crop: ToolContract) -> None:
    message = _refusal(crop, {"box": "x" * 100_000, "y" * 100_000: 1}).message
    assert len(message) < 600


def test_a_thousand_mistakes_are_not_all_listed(shapes: ToolContract) -> None:
    found = _refusal(shapes, {**LEAST, "labels": [1] * 1000}).violations
    assert len(found) == 16


def test_python_values_that_contain_themselves_are_refused(crop: ToolContract) -> None:
    loop: dict[str, Any] = {}
    loop["box"] = loop
    assert any("nested more than 32 deep" in text for text in _said(crop, loop).values())
