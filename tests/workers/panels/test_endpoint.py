"""Panels chosen by a model behind an OpenAI-compatible endpoint."""

from __future__ import annotations

import numpy as np
import pytest

from thinkimg_rpc.errors import InternalFault
from thinkimg_rpc.settings import CannotStart, ModelSettings
from thinkimg_workers.panels.chooser import Choice, Question
from thinkimg_workers.panels.endpoint import EndpointChooser, numbered, numbers_in

from ..answering import noise
from ..scripted_server import Reply, fails, says, scripted_server
from .drawn import layout

FOUR = layout(2, 2)


def choose(reply: Reply, description: str = "the {count} lines that cross") -> Choice:
    with scripted_server(reply) as server:
        settings = ModelSettings(endpoint=server.url, endpoint_model="eyes-2b")
        question = Question(noise(200, 200), FOUR, description, lambda: 30.0)
        choice = EndpointChooser(settings, None).choose(question)
    (asked,) = server.asked
    picture, text = asked["messages"][0]["content"]
    assert picture["image_url"]["url"].startswith("data:image/png;base64,")
    assert "a figure with 4 panels" in text["text"]
    assert f"does this describe: {description}\n" in text["text"]
    return choice


def test_the_panels_come_in_the_order_of_the_answer() -> None:
    assert [fit.panel for fit in choose(says("[3, 1]")).fits] == [2, 0]


@pytest.mark.parametrize("said", ["[]", "None of the 4 panels.", "[17]", "I cannot tell."])
def test_an_answer_that_names_no_panel_is_quoted_with_the_panels_there_are(said: str) -> None:
    choice = choose(says(said))
    assert not choice.fits
    assert said in choice.message
    assert "4 panels were found: 1. top left: Revenue rate" in choice.message


def test_a_failing_server_is_no_empty_answer() -> None:
    with pytest.raises(InternalFault, match="no such model"):
        choose(fails(404, "no such model"))


def test_without_a_model_it_does_not_start() -> None:
    with pytest.raises(CannotStart, match="endpoint_model"):
        EndpointChooser(ModelSettings(endpoint="http://127.0.0.1:1/v1"), None)


@pytest.mark.parametrize(
    ("said", "numbers"),
    [
        ("[2]", [2]),
        ("```json\n[2, 4, 2]\n```", [2, 4]),
        ('["3"]', [3]),
        ("Of [1, 2] I take [2]", [2]),
        ("Panel 3", [3]),
        ("2 or 3", []),
        ("[0, 5, 99999999999999999999]", []),
        ("", []),
    ],
)
def test_the_numbers_of_an_answer(said: str, numbers: list[int]) -> None:
    assert numbers_in(said, 4) == numbers


def test_marks_are_drawn_on_a_copy() -> None:
    pixels = noise(200, 200)
    before = pixels.copy()
    marked = numbered(pixels, [panel.box for panel in FOUR.panels])
    assert np.array_equal(pixels, before)
    changed = (marked != pixels).any(axis=2)
    boxes = [panel.box for panel in FOUR.panels]
    assert all(changed[box.y0 : box.y1, box.x0 : box.x1].any() for box in boxes)
