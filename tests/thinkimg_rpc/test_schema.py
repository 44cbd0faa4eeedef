"""What models are told about a tool."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from thinkimg_rpc.contract import ToolContract
from thinkimg_rpc.contract.tool_contract import ToolExample
from thinkimg_rpc.coordinates import CoordinateSpace
from thinkimg_rpc.schema import json_schema, openai_tools, prompt_text, signatures

CROP_TEXT = """\
Crop: Cut a rectangular region out of an image, to look at it closely. \
Returns the region as a new image.
  image (image name): The image to cut from. May be left out when there is only one image.
  box (object, required): The region to keep, inside the image.
    x0 (number, required): Left edge, in pixels.
    y0 (number, required): Top edge, in pixels.
    x1 (number, required): Right edge, larger than x0, in pixels.
    y1 (number, required): Bottom edge, larger than y0, in pixels.
  padding (number 0 to 10000): Pixels to keep around the box on each side, \
as far as the image goes. 0 if left out.
  scale (number 0.1 to 8): How many times larger the result is than the region. 1 if left out.
  format (IMAGE_FORMAT_PNG | IMAGE_FORMAT_JPEG): How the result is encoded. PNG if left out.
  Example, look at the legend in the top right corner, enlarged: \
{"image": "img_1", "box": {"x0": 420, "y0": 20, "x1": 620, "y1": 120}, "scale": 2}"""


CROP_IN_THOUSANDTHS = """\
  box (object, required): The region to keep, inside the image.
    x0 (number 0 to 1000, required): Left edge, in thousandths of the width.
    y0 (number 0 to 1000, required): Top edge, in thousandths of the height.
    x1 (number 0 to 1000, required): Right edge, larger than x0, in thousandths of the width.
    y1 (number 0 to 1000, required): Bottom edge, larger than y0, in thousandths of the height.
"""

NOT_PIXELS = [space for space in CoordinateSpace if space is not CoordinateSpace.PIXELS]


@pytest.fixture(params=["crop", "draw", "ocr", "echo", "shapes"])
def contract(request: pytest.FixtureRequest) -> ToolContract:
    found: ToolContract = request.getfixturevalue(request.param)
    return found


def test_the_schema_is_a_schema_and_json(contract: ToolContract) -> None:
    schema = json_schema(contract)
    Draft202012Validator.check_schema(schema)
    assert json.loads(json.dumps(schema)) == schema


def test_the_examples_of_a_contract_fit_its_schema(contract: ToolContract) -> None:
    schema = json_schema(contract)
    assert schema["examples"]
    for example in schema["examples"]:
        Draft202012Validator(schema).validate(example)


def test_every_object_refuses_unknown_fields(contract: ToolContract) -> None:
    for schema in _objects(json_schema(contract)):
        assert schema["additionalProperties"] is False


def _objects(schema: Any) -> list[dict[str, Any]]:
    if not isinstance(schema, dict):
        return []
    own = [schema] if schema.get("type") == "object" else []
    inner = [*schema.get("properties", {}).values(), schema.get("items")]
    return own + [found for part in inner for found in _objects(part)]


def test_ranges_choices_and_help_are_in_it(crop: ToolContract) -> None:
    schema = json_schema(crop)
    assert schema["title"] == "Crop"
    assert schema["required"] == ["box"]
    properties = schema["properties"]
    assert properties["scale"] == {
        "type": "number",
        "minimum": 0.1,
        "maximum": 8,
        "description": "How many times larger the result is than the region. 1 if left out.",
    }
    assert properties["format"]["enum"] == ["IMAGE_FORMAT_PNG", "IMAGE_FORMAT_JPEG"]
    assert properties["box"]["required"] == ["x0", "y0", "x1", "y1"]


def test_an_image_is_a_name_that_may_be_left_out(crop: ToolContract) -> None:
    assert json_schema(crop)["properties"]["image"] == {
        "type": "string",
        "description": 'The image to cut from. Give its name, such as "img_1". '
        "May be left out when there is only one image.",
    }


def test_an_image_that_is_not_required_does_not_stand_for_the_only_one(
    echo: ToolContract,
) -> None:
    described = json_schema(echo)["properties"]["image"]["description"]
    assert described == 'An image to decode; its size comes back. Give its name, such as "img_1".'


@pytest.mark.parametrize(
    ("field", "schema"),
    [
        ("weights", {"type": "array", "items": {"type": "number", "minimum": 0, "maximum": 1}}),
        ("labels", {"type": "array", "items": {"type": "string", "maxLength": 5}}),
        ("mode", {"type": "string", "enum": ["fast", "exact"]}),
        ("small", {"type": "integer", "minimum": -5, "maximum": 5}),
        ("large", {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1}),
        ("huge", {"type": "integer", "minimum": 0, "maximum": 2**64 - 1}),
        ("ratio", {"type": "number"}),
        ("flag", {"type": "boolean"}),
        ("mask", {"type": "string", "contentEncoding": "base64"}),
    ],
)
def test_each_kind_of_field_has_its_schema(
    shapes: ToolContract, field: str, schema: dict[str, Any]
) -> None:
    found = json_schema(shapes)["properties"][field]
    assert {name: found[name] for name in schema} == schema


def test_a_required_list_and_text_may_not_be_empty(shapes: ToolContract) -> None:
    properties = json_schema(shapes)["properties"]
    assert (properties["points"]["minItems"], properties["points"]["maxItems"]) == (1, 20)
    assert properties["panel"]["properties"]["title"]["minLength"] == 1


def test_of_a_oneof_only_one_field_may_be_given(shapes: ToolContract) -> None:
    validator = Draft202012Validator(json_schema(shapes))
    least: dict[str, Any] = {"mode": "fast", "points": [{"x": 1, "y": 2}]}
    point, box = {"x": 1, "y": 1}, {"x0": 0, "y0": 0, "x1": 1, "y1": 1}
    assert validator.is_valid({**least, "point": point})
    assert validator.is_valid({**least, "box": box})
    assert not validator.is_valid({**least, "point": point, "box": box})


def test_the_openai_list_has_one_function_a_tool(crop: ToolContract, ocr: ToolContract) -> None:
    tools = openai_tools([crop, ocr])
    assert [tool["type"] for tool in tools] == ["function", "function"]
    assert [tool["function"]["name"] for tool in tools] == ["Crop", "OCR"]
    parameters = tools[0]["function"]["parameters"]
    assert tools[0]["function"]["description"] == crop.description
    assert set(parameters) == {"type", "properties", "required", "additionalProperties"}
    assert parameters["properties"] == json_schema(crop)["properties"]


def test_the_prompt_text_is_short_and_complete(crop: ToolContract) -> None:
    assert prompt_text([crop]) == CROP_TEXT


def test_a_signature_is_one_line_with_a_question_mark_at_what_may_be_left_out(
    crop: ToolContract, ocr: ToolContract
) -> None:
    assert signatures([crop, ocr]).splitlines() == [
        "Crop(image?, box{x0, y0, x1, y1}, padding?, scale?, format?): Cut a rectangular region "
        "out of an image, to look at it closely.",
        "OCR(image?, region{x0, y0, x1, y1}?, min_score?): Read the text in an image, or in a "
        "region of it: titles, labels, numbers.",
    ]


def test_tools_are_a_blank_line_apart(crop: ToolContract, ocr: ToolContract) -> None:
    assert prompt_text([crop, ocr]) == f"{CROP_TEXT}\n\n{prompt_text([ocr])}"


@pytest.mark.parametrize(
    "line",
    [
        "  points (list of up to 20 objects, required): Where to look.",
        "    x (number, required): Distance from the left edge, in pixels.",
        "  mode (fast | exact, required)",
        "  weights (list of up to 30 numbers 0 to 1)",
        "  styles (list of LINE_STYLE_SOLID | LINE_STYLE_DASHED)",
        "  huge (integer)",
        "  mask (base64 text)",
        "  references (list of up to 2 image names)",
        "  Give at most one of box, point.",
    ],
)
def test_each_kind_of_field_has_its_line(shapes: ToolContract, line: str) -> None:
    assert line in prompt_text([shapes]).splitlines()


def test_coordinates_are_told_in_what_a_model_counts_in(crop: ToolContract) -> None:
    text = prompt_text([crop], CoordinateSpace.THOUSANDTHS)
    assert CROP_IN_THOUSANDTHS in text
    assert '{"image": "img_1", "box": {"x0": 656, "y0": 42, "x1": 969, "y1": 250}' in text
    (tool,) = openai_tools([crop], CoordinateSpace.FRACTIONS)
    assert tool["function"]["parameters"]["properties"]["box"]["properties"]["y1"] == {
        "type": "number",
        "minimum": 0,
        "maximum": 1,
        "description": "Bottom edge, larger than y0, as a fraction of the height.",
    }


@pytest.mark.parametrize("space", NOT_PIXELS)
def test_the_examples_fit_the_schema_in_every_space(
    contract: ToolContract, space: CoordinateSpace
) -> None:
    schema = json_schema(contract, space)
    Draft202012Validator.check_schema(schema)
    assert len(schema["examples"]) == len(contract.examples)
    for example in schema["examples"]:
        Draft202012Validator(schema).validate(example)


def test_an_example_of_a_larger_image_is_told_in_pixels_only(crop: ToolContract) -> None:
    box = {"x0": 420, "y0": 20, "x1": 641, "y1": 120}
    large = replace(crop, examples=(ToolExample("look", {"box": box}),))
    assert json_schema(large)["examples"] == [{"box": box}]
    assert json_schema(large, CoordinateSpace.PERCENT)["examples"] == []
