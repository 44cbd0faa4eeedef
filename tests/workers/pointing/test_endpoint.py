"""Pointing through an OpenAI-compatible endpoint."""

from __future__ import annotations

import pytest

from thinkimg_rpc.errors import DeadlineExceeded, InternalFault
from thinkimg_rpc.imaging.rgb import Pixels
from thinkimg_rpc.settings import ModelSettings
from thinkimg_workers.pointing.endpoint import EndpointPointer
from thinkimg_workers.pointing.pointer import Pointed, Pointing, Question

from ..answering import noise
from ..scripted_server import Reply, fails, says, scripted_server


def point(pixels: Pixels, reply: Reply, description: str = "the red bar") -> Pointing:
    with scripted_server(reply) as server:
        settings = ModelSettings(endpoint=server.url, endpoint_model="eyes-2b")
        pointer = EndpointPointer(settings, None)
        (pointing,) = pointer.point([Question(pixels, description, list, lambda: 30.0)])
    (asked,) = server.asked
    text = asked["messages"][0]["content"][-1]["text"]
    assert f"Point to this in the image: {description}\n" in text
    assert "from 0 to 1000" in text
    return pointing


def test_thousandths_become_pixels() -> None:
    pointing = point(noise(300, 200), says('[{"point_2d": [500, 250], "label": "bar"}]'))
    assert pointing == Pointing((Pointed(150, 50, 1.0),))


def test_they_are_of_the_image_also_when_the_model_was_shown_a_reduced_one() -> None:
    (pointed,) = point(noise(4000, 1500), says('{"point_2d": [500, 1000]}')).points
    assert (pointed.x, pointed.y) == (2000, 1499.5)


def test_of_a_strip_only_what_is_in_it_counts() -> None:
    said = says('[{"point_2d": [500, 1]}, {"point_2d": [500, 900]}]')
    (pointed,) = point(noise(1000, 2), said).points
    assert pointed.y < 2


@pytest.mark.parametrize("said", ["[]", "I see no red bar.", '[{"point_2d": [2000, 3000]}]'])
def test_an_answer_without_a_point_is_quoted(said: str) -> None:
    pointing = point(noise(30, 20), says(said))
    assert pointing.points == ()
    assert said in pointing.message


def test_a_long_answer_without_a_point_is_quoted_in_part() -> None:
    pointing = point(noise(30, 20), says("no " * 500))
    assert len(pointing.message) < 400
    assert pointing.message.endswith('…"')


def test_braces_in_a_description_are_only_text() -> None:
    assert point(noise(30, 20), says("[]"), "the {description} of {0}").points == ()


def test_a_failing_server_is_no_empty_answer() -> None:
    with pytest.raises(InternalFault, match="no such model"):
        point(noise(30, 20), fails(404, "no such model"))


def test_a_caller_that_is_gone_is_not_asked_for() -> None:
    def gone() -> float | None:
        raise DeadlineExceeded("too late")

    with scripted_server(says("[]")) as server:
        settings = ModelSettings(endpoint=server.url, endpoint_model="eyes-2b")
        with pytest.raises(DeadlineExceeded):
            EndpointPointer(settings, None).point([Question(noise(9, 9), "bar", list, gone)])
    assert server.asked == []
