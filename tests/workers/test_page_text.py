from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import pytest

from thinkimg_rpc.errors import DeadlineExceeded
from thinkimg_rpc.imaging.codec import Pixels
from thinkimg_rpc.server.images import WorkerImages
from thinkimg_rpc.settings import LimitSettings
from thinkimg_rpc.tool import Call, Clock
from thinkimg_rpc.v1 import Image, OCRRequest
from thinkimg_workers.page_text import PageText, TextLine

from ..mesh_fixtures import BOUND_S
from .answering import NoDeadline, sent


class Expiring:
    """A caller whose time is up once told so."""

    def __init__(self) -> None:
        self.is_over = threading.Event()

    def remaining_s(self) -> float | None:
        if self.is_over.is_set():
            raise DeadlineExceeded("too late")
        return 10.0


class SlowReader:
    """Reads as many lines as the image is wide, once it may; counts how often it is asked."""

    name = "slow 1"

    def __init__(self) -> None:
        self.readings = 0
        self.reads = threading.Event()
        self.may_go_on = threading.Event()

    def read(self, pixels: Pixels, between_steps: Callable[[], None]) -> list[TextLine]:
        self.readings += 1
        self.reads.set()
        assert self.may_go_on.wait(BOUND_S)
        between_steps()
        return [TextLine("word", np.zeros((4, 2), np.float32), 0.9)] * pixels.shape[1]


@pytest.fixture
def reader() -> SlowReader:
    return SlowReader()


def picture(width: int = 3, shade: int = 0) -> Image:
    return sent(np.full((2, width, 3), shade, np.uint8))


def lines_of(page: PageText, image: Image, clock: Clock | None = None) -> list[TextLine]:
    request = OCRRequest(image=image)
    images = WorkerImages(
        LimitSettings(), lambda digest, timeout_s: None, lambda digest, data: None
    )
    return page.lines_of(Call(request, images, clock or NoDeadline()), request.image)


def wait_for_others(page: PageText, number: int) -> None:
    """Until so many wait for what is being read."""
    waited = threading.Event()
    for _ in range(int(BOUND_S / 0.01)):
        if sum(reading.waiting for reading in page._readings.values()) == number:
            return
        waited.wait(0.01)
    raise TimeoutError("they do not wait")


def test_a_second_call_on_an_image_is_not_read_again(reader: SlowReader) -> None:
    reader.may_go_on.set()
    page = PageText(reader)
    assert len(lines_of(page, picture())) == len(lines_of(page, picture())) == 3
    assert reader.readings == 1
    lines_of(page, picture(shade=1))
    assert reader.readings == 2


def test_eight_callers_at_once_cost_one_reading(reader: SlowReader) -> None:
    page = PageText(reader)
    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(lines_of, page, picture()) for _ in range(8)]
        wait_for_others(page, 7)
        reader.may_go_on.set()
        assert [len(answer.result(BOUND_S)) for answer in answers] == [3] * 8
    assert reader.readings == 1


def test_different_images_are_read_at_the_same_time(reader: SlowReader) -> None:
    page = PageText(reader)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(lines_of, page, picture(3))
        assert reader.reads.wait(BOUND_S)
        reader.reads.clear()
        second = pool.submit(lines_of, page, picture(4))
        assert reader.reads.wait(BOUND_S)
        reader.may_go_on.set()
        assert (len(first.result(BOUND_S)), len(second.result(BOUND_S))) == (3, 4)


def test_a_first_caller_out_of_time_reads_on_for_the_others(reader: SlowReader) -> None:
    page, clock = PageText(reader), Expiring()
    with ThreadPoolExecutor(2) as pool:
        pool.submit(lines_of, page, picture(), clock)
        assert reader.reads.wait(BOUND_S)
        other = pool.submit(lines_of, page, picture())
        wait_for_others(page, 1)
        clock.is_over.set()
        reader.may_go_on.set()
        assert len(other.result(BOUND_S)) == 3
    assert reader.readings == 1


def test_a_reading_that_nobody_waits_for_is_given_up(reader: SlowReader) -> None:
    page, clock = PageText(reader), Expiring()
    reader.may_go_on.set()
    clock.is_over.set()
    with pytest.raises(DeadlineExceeded):
        lines_of(page, picture(), clock)
    assert len(lines_of(page, picture())) == 3
    assert reader.readings == 2


def test_one_who_waits_leaves_when_its_own_time_is_up(reader: SlowReader) -> None:
    page, clock = PageText(reader), Expiring()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(lines_of, page, picture())
        assert reader.reads.wait(BOUND_S)
        hasty: Future[list[TextLine]] = pool.submit(lines_of, page, picture(), clock)
        wait_for_others(page, 1)
        clock.is_over.set()
        with pytest.raises(DeadlineExceeded):
            hasty.result(BOUND_S)
        reader.may_go_on.set()
        assert len(first.result(BOUND_S)) == 3


def test_a_readers_failure_reaches_all_who_wait_and_is_not_kept() -> None:
    class Broken(SlowReader):
        def read(self, pixels: Pixels, between_steps: Callable[[], None]) -> list[TextLine]:
            super().read(pixels, between_steps)
            raise RuntimeError("broken")

    reader = Broken()
    page = PageText(reader)
    with ThreadPoolExecutor(2) as pool:
        answers = [pool.submit(lines_of, page, picture()) for _ in range(2)]
        wait_for_others(page, 1)
        reader.may_go_on.set()
        for answer in answers:
            with pytest.raises(RuntimeError, match="broken"):
                answer.result(BOUND_S)
    with pytest.raises(RuntimeError):
        lines_of(page, picture())
    assert reader.readings == 2


def test_the_least_recently_used_text_is_dropped(reader: SlowReader) -> None:
    reader.may_go_on.set()
    page = PageText(reader, most_lines=10)
    for shade in (0, 1, 0, 2):  # 4 each: three are too many
        lines_of(page, picture(shade=shade))
    assert reader.readings == 3
    lines_of(page, picture(shade=0))
    assert reader.readings == 3
    lines_of(page, picture(shade=1))
    assert reader.readings == 4


def test_what_is_shared_cannot_be_changed(reader: SlowReader) -> None:
    reader.may_go_on.set()
    page = PageText(reader)
    lines = lines_of(page, picture())
    with pytest.raises(ValueError, match="read-only"):
        lines[0].corners[0] = 1
    lines.clear()
    assert len(lines_of(page, picture())) == 3
