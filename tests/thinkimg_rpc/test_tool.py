"""What a tool author writes against."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import numpy as np
import pytest

from thinkimg_rpc.contract import ContractError
from thinkimg_rpc.errors import (
    CallerError,
    Cancelled,
    InvalidRequest,
    OutOfRange,
    ThinkImgError,
)
from thinkimg_rpc.settings import CannotStart
from thinkimg_rpc.testing import Echo
from thinkimg_rpc.testing.v1 import EchoRequest, EchoResponse
from thinkimg_rpc.tool import Call, Clock, PixelBox, Tool, load_tool
from thinkimg_rpc.v1 import (
    Box,
    CropRequest,
    Image,
    ImageFormat,
    OCRRequest,
    OCRResponse,
    Point,
    Quad,
    ResultImage,
    TextSpan,
)

PIXELS = np.zeros((48, 64, 3), np.uint8)
NAN = float("nan")


class FakeImages:
    """One image; anything else is not one."""

    def pixels(self, image: Image, clock: Clock) -> Any:
        if image.data != b"good":
            raise ValueError("a truncated PNG; send the whole file")
        return PIXELS

    def reply(self, pixels: Any, image_format: ImageFormat.ValueType) -> ResultImage:
        return ResultImage(width=pixels.shape[1], height=pixels.shape[0])


class FakeClock:
    def __init__(self, error: ThinkImgError | None = None) -> None:
        self._error = error

    def remaining_s(self) -> float | None:
        if self._error is not None:
            raise self._error
        return 1.0


def call_for(request: Any, error: ThinkImgError | None = None, uploads: Any = lambda: None) -> Call:
    return Call(request, FakeImages(), FakeClock(error), uploads)


def crop(x0: float = 0, y0: float = 0, x1: float = 64, y1: float = 48) -> CropRequest:
    return CropRequest(image=Image(data=b"good"), box=Box(x0=x0, y0=y0, x1=x1, y1=y1))


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (crop(), (0, 0, 64, 48)),
        (crop(1.2, 2.9, 3.1, 4.0), (1, 2, 4, 4)),
        (crop(10.5, 10.5, 10.6, 10.6), (10, 10, 11, 11)),
        (crop(63.999, 0, 64, 0.001), (63, 0, 64, 1)),
        (crop(-0.0, -0.0, 1, 1), (0, 0, 1, 1)),
    ],
)
def test_a_box_takes_the_floor_of_the_near_edges_and_the_ceiling_of_the_far_ones(
    request_: CropRequest, expected: tuple[int, ...]
) -> None:
    box = call_for(request_).box(request_.box, within=PIXELS)

    assert box == PixelBox(*expected)
    assert PIXELS[box.rows, box.columns].shape == (
        expected[3] - expected[1],
        expected[2] - expected[0],
        3,
    )


@pytest.mark.parametrize(
    ("request_", "kind", "fields"),
    [
        (crop(x0=64), InvalidRequest, ["box.x1"]),
        (crop(x0=9, x1=8, y0=7, y1=6), InvalidRequest, ["box.x1", "box.y1"]),
        (crop(x0=NAN), InvalidRequest, ["box.x1"]),
        (crop(x0=-0.1), OutOfRange, ["box.x0"]),
        (crop(x1=64.1, y1=49), OutOfRange, ["box.x1", "box.y1"]),
        (crop(x0=65, x1=66), OutOfRange, ["box.x0", "box.x1"]),
    ],
)
def test_a_box_that_is_none_or_outside_is_named(
    request_: CropRequest, kind: type[ThinkImgError], fields: list[str]
) -> None:
    with pytest.raises(kind) as caught:
        call_for(request_).box(request_.box, within=PIXELS)

    assert type(caught.value) is kind
    assert [violation.field for violation in caught.value.violations] == fields


def test_a_box_is_named_by_its_own_field() -> None:
    request = OCRRequest(image=Image(data=b"good"), region=Box(x0=0, y0=0, x1=99, y1=1))
    with pytest.raises(OutOfRange, match=r"region\.x1: 99 is outside the image: 0 to 64"):
        call_for(request).box(request.region, within=PIXELS)


@pytest.mark.parametrize(("x", "y"), [(0, 0), (63.9, 47.9), (1.5, 2.5)])
def test_a_point_on_the_image_is_itself(x: float, y: float) -> None:
    quad = Quad(top_left=Point(x=x, y=y))

    assert call_for(quad).point(quad.top_left, within=PIXELS) == (x, y)


@pytest.mark.parametrize(
    ("x", "y", "field"), [(64, 0, "top_left.x"), (0, 48, "top_left.y"), (NAN, 0, "top_left.x")]
)
def test_a_point_beside_the_image_is_named(x: float, y: float, field: str) -> None:
    quad = Quad(top_left=Point(x=x, y=y))
    with pytest.raises(OutOfRange) as caught:
        call_for(quad).point(quad.top_left, within=PIXELS)

    assert [violation.field for violation in caught.value.violations] == [field]


def test_an_image_that_is_none_is_named_by_its_field() -> None:
    request = CropRequest(image=Image(data=b"bad"))
    with pytest.raises(InvalidRequest, match=r"^image: a truncated PNG; send the whole file$"):
        call_for(request).image(request.image)


def test_the_worker_hears_when_an_image_sent_as_bytes_is_there() -> None:
    heard: list[str] = []
    request = crop()
    call_for(request, uploads=lambda: heard.append("upload")).image(request.image)

    assert heard == ["upload"]


def test_a_part_is_named_with_its_place_in_a_list() -> None:
    response = OCRResponse(spans=[TextSpan(text="a"), TextSpan(box=Box(x0=1))])

    assert call_for(response).field(response.spans[1].box) == "spans[1].box"
    assert call_for(response).field(Box()) == "box"


def test_a_tool_can_ask_whether_anybody_still_waits() -> None:
    call_for(crop()).check_deadline()
    with pytest.raises(Cancelled):
        call_for(crop(), error=Cancelled("gone")).check_deadline()


def test_a_result_keeps_its_size() -> None:
    result = call_for(crop()).reply_image(PIXELS)

    assert (result.width, result.height) == (64, 48)


def test_a_tools_contract_is_found_through_its_request() -> None:
    class LouderEcho(Echo):
        """A subclass serves the same contract."""

    assert Echo.contract().method == "/thinkimg_rpc.testing.v1.EchoService/Echo"
    assert LouderEcho.contract() == Echo.contract()


Request = TypeVar("Request", bound=Any)


class Shared(Tool[Request, EchoResponse], Generic[Request]):
    """What several tools have in common; no tool itself."""


def test_a_generic_tool_is_what_it_is_made_of() -> None:
    class Made(Shared[EchoRequest]):
        """Says its request only through its generic base."""

    with pytest.raises(ContractError, match=r"class Made\(Tool\[YourRequest, YourResponse\]\)"):
        Made.contract()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((EchoResponse, EchoRequest), "EchoResponse"),
        ((Box, EchoResponse), "no service has a unary method that takes Box"),
    ],
)
def test_a_message_that_no_tool_takes_is_named(arguments: Any, words: str) -> None:
    generic: Any = Tool
    wrong: Any = type("Wrong", (Tool,), {"__orig_bases__": (generic[arguments],)})

    with pytest.raises(ContractError, match=words):
        wrong.contract()


async def test_a_tool_without_run_says_so() -> None:
    with pytest.raises(NotImplementedError):
        Tool[Any, Any]().run(crop(), call_for(crop()))


class InPasses(Tool[EchoRequest, EchoResponse]):
    """Answers only several requests at a time."""

    def run_batch(
        self, requests: Sequence[EchoRequest], calls: Sequence[Call]
    ) -> list[EchoResponse | CallerError]:
        return [
            EchoResponse(text=request.text) if request.text else InvalidRequest("nothing to say")
            for request in requests
        ]


def test_a_tool_that_answers_in_passes_can_be_asked_alone() -> None:
    request = EchoRequest(text="alone")
    assert InPasses().batches()
    assert InPasses().run(request, call_for(request)).text == "alone"
    with pytest.raises(InvalidRequest, match="nothing to say"):
        InPasses().run(EchoRequest(), call_for(EchoRequest()))


def test_a_tool_that_answers_each_call_does_not_batch() -> None:
    assert not Echo().batches()


def test_a_tool_is_loaded_by_its_name() -> None:
    assert load_tool("thinkimg_rpc.testing.echo:Echo") is Echo


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("thinkimg_rpc.testing.echo", "write it as"),
        (":Echo", "write it as"),
        ("thinkimg_rpc.testing.echo:", "write it as"),
        ("no_such_module:Echo", "no module named no_such_module"),
        ("thinkimg_rpc.testing.echo:Ecko", "no Tool class named Ecko"),
        ("thinkimg_rpc.testing.echo:time", "no Tool class named time"),
    ],
)
def test_a_name_that_is_no_tool_says_which_part_is_wrong(spec: str, words: str) -> None:
    with pytest.raises(CannotStart, match=words):
        load_tool(spec)
