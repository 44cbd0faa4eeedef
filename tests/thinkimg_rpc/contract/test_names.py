"""Tools are found by name or alias, and a name that is not there gets near ones."""

from __future__ import annotations

import pytest

from thinkimg_rpc.contract import ToolContract, resolve, unknown_tool
from thinkimg_rpc.contract.names import near_names
from thinkimg_rpc.errors import UnknownTool


@pytest.mark.parametrize("name", ["DrawHorizontalLineByY", "draw_horizontal_line_by_y"])
def test_a_tool_is_found_by_name_or_alias(
    crop: ToolContract, draw: ToolContract, name: str
) -> None:
    assert resolve(name, [crop, draw]) is draw


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ("Croop", 'no tool named "Croop": did you mean Crop?'),
        ("ocr", 'no tool named "ocr": did you mean OCR?'),
        ("Zoom", 'no tool named "Zoom": the tools are Crop, OCR'),
        ("", 'no tool named "": the tools are Crop, OCR'),
    ],
)
def test_an_unknown_tool_gets_near_names_or_all(asked: str, answer: str) -> None:
    error = unknown_tool(asked, ["OCR", "Crop"])
    assert isinstance(error, UnknownTool)
    assert error.message == answer


def test_resolving_an_unknown_tool_raises_that_error(crop: ToolContract) -> None:
    with pytest.raises(UnknownTool, match="did you mean Crop"):
        resolve("Crops", [crop])


def test_a_mesh_without_tools_says_so() -> None:
    assert unknown_tool("Crop", []).message == 'no tool named "Crop": the mesh has no tools yet'


def test_a_very_long_name_is_cut() -> None:
    assert len(unknown_tool("x" * 10_000, ["Crop"]).message) < 200


def test_the_end_of_a_long_name_is_enough() -> None:
    assert near_names("dashed", ["LINE_STYLE_SOLID", "LINE_STYLE_DASHED"]) == ["LINE_STYLE_DASHED"]
