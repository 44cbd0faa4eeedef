"""ZoominSubplot: the described panels of a figure, cut out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from thinkimg_rpc.client import Mesh
from thinkimg_rpc.errors import InvalidRequest, OutOfRange
from thinkimg_rpc.imaging.codec import Pixels
from thinkimg_rpc.settings import CannotStart, ModelSettings
from thinkimg_rpc.v1 import ImageFormat, ZoominSubplotRequest, ZoominSubplotResponse
from thinkimg_workers.zoomin_subplot import ZoominSubplot

from .answering import answer, received, sent
from .panels.drawn import TITLES, grid
from .scripted_server import says, scripted_server

CANVAS, BOXES = grid(2, 2)
FIGURE = CANVAS.pixels


@pytest.fixture(scope="module")
def tool() -> ZoominSubplot:
    tool = ZoominSubplot()
    tool.setup()
    return tool


def zoom(
    tool: ZoominSubplot, description: str, of: Pixels = FIGURE, **options: Any
) -> ZoominSubplotResponse:
    request = ZoominSubplotRequest(image=sent(of), description=description, **options)
    response = answer(tool, request)
    assert isinstance(response, ZoominSubplotResponse)
    return response


def test_the_panel_is_cut_out_of_the_figure(tool: ZoominSubplot) -> None:
    (subplot,) = zoom(tool, "top right").subplots
    box = subplot.box
    x0, y0, x1, y1 = (int(edge) for edge in (box.x0, box.y0, box.x1, box.y1))
    assert np.array_equal(received(subplot.image), FIGURE[y0:y1, x0:x1])
    assert np.abs(np.array([x0, y0, x1, y1]) - BOXES[1]).max() <= 4
    assert (subplot.title, subplot.score) == (TITLES[1], 1.0)


def test_a_panel_is_found_by_its_title(tool: ZoominSubplot) -> None:
    (subplot,) = zoom(tool, "rainfall").subplots
    assert subplot.title == "Rainfall"
    assert subplot.box.y0 > 180


def test_the_best_come_first_and_no_more_than_asked_for(tool: ZoominSubplot) -> None:
    assert [one.title for one in zoom(tool, "right column").subplots] == [TITLES[1], TITLES[3]]
    assert [one.title for one in zoom(tool, "right", max_results=1).subplots] == [TITLES[1]]
    six, _ = grid(2, 3)
    assert len(zoom(tool, "all of them", of=six.pixels).subplots) == 4


def test_a_scale_enlarges_the_result_and_not_its_box(tool: ZoominSubplot) -> None:
    (plain,), (large,) = (zoom(tool, "first", scale=scale).subplots for scale in (1, 2))
    assert (large.image.width, large.image.height) == (
        2 * plain.image.width,
        2 * plain.image.height,
    )
    assert large.box == plain.box


def test_a_scale_that_is_too_large_is_named(tool: ZoominSubplot) -> None:
    wide = np.full((400, 9000, 3), 255, np.uint8)
    wide[10:390, 10:8990] = (40, 90, 160)
    with pytest.raises(OutOfRange) as caught:
        zoom(tool, "first", of=wide, scale=8)
    assert [violation.field for violation in caught.value.violations] == ["scale"]


def test_a_jpeg_comes_back_if_asked_for(tool: ZoominSubplot) -> None:
    (subplot,) = zoom(tool, "last", format=ImageFormat.IMAGE_FORMAT_JPEG).subplots
    assert subplot.image.media_type == "image/jpeg"


def test_what_fits_no_panel_is_answered_with_the_panels_there_are(tool: ZoominSubplot) -> None:
    response = zoom(tool, "elephants")
    assert not response.subplots
    assert response.message.startswith(
        'no panel fits "elephants"; 4 panels were found: 1. top left'
    )
    assert all(title in response.message for title in TITLES[:4])


def test_a_long_description_is_quoted_in_part(tool: ZoominSubplot) -> None:
    assert len(zoom(tool, "大象" * 500).message) < 400


@pytest.mark.parametrize("size", [(1, 1), (60, 40)])
def test_a_blank_picture_has_no_panels(tool: ZoominSubplot, size: tuple[int, int]) -> None:
    response = zoom(tool, "first", of=np.full((*size, 3), 255, np.uint8))
    assert not response.subplots
    assert "no panels" in response.message


def test_a_blank_picture_is_not_read(tool: ZoominSubplot, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading a large one takes half a minute."""

    def read(*_: object) -> None:
        pytest.fail("it was read")

    monkeypatch.setattr("thinkimg_workers.zoomin_subplot.lines_of", read)
    assert not zoom(tool, "first", of=np.full((70, 90, 3), 250, np.uint8)).subplots


def test_a_blank_description_is_refused(tool: ZoominSubplot) -> None:
    with pytest.raises(InvalidRequest) as caught:
        zoom(tool, " \t ")
    assert [violation.field for violation in caught.value.violations] == ["description"]


async def test_it_answers_over_the_wire_and_says_what_answered() -> None:
    async with Mesh.local([ZoominSubplot]) as mesh:
        request = ZoominSubplotRequest(image=sent(FIGURE), description="右下")
        response = await mesh.send(request)
        again = await mesh.send(request)
    assert [subplot.title for subplot in response.subplots] == [TITLES[3]]
    assert response.answered_by.backend.startswith("classical, opencv ")
    assert "rapidocr" in response.answered_by.backend
    assert (response.answered_by.cached, again.answered_by.cached) == (False, True)


async def test_a_model_at_an_endpoint_chooses_where_one_is_set() -> None:
    with scripted_server(says("[4]"), says("[]")) as server:
        models = ModelSettings(endpoint=server.url, endpoint_model="eyes-2b")
        async with Mesh.local([ZoominSubplot], models=models) as mesh:
            image = sent(FIGURE)
            chosen = await mesh.send(ZoominSubplotRequest(image=image, description="the odd one"))
            none = await mesh.send(ZoominSubplotRequest(image=image, description="the even one"))
    assert [subplot.title for subplot in chosen.subplots] == [TITLES[3]]
    assert chosen.answered_by.backend.startswith("openai eyes-2b")
    assert not none.subplots
    assert 'the model answered "[]"' in none.message


def test_an_endpoint_that_is_not_set_is_an_error_at_the_start() -> None:
    tool = ZoominSubplot()
    tool.settings = ModelSettings(backend="openai")
    with pytest.raises(CannotStart, match="endpoint"):
        tool.setup()
