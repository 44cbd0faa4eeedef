"""Images as policies see them."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thinkimg_agent import shown as shown_module
from thinkimg_agent.images import EpisodeImages
from thinkimg_agent.shown import Shown, ShownImages, reduced
from thinkimg_rpc.digest import digest_of
from thinkimg_rpc.imaging.codec import InvalidImage, decode, encode_jpeg, encode_png

PIXELS = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
DATA = encode_png(PIXELS)
MANY = 6


@pytest.mark.parametrize("budget", [1, 7, 100, 600, 2399, 2400, 10**6])
def test_what_is_shown_keeps_to_the_budget_and_to_the_shape(budget: int) -> None:
    view = reduced(DATA, budget).view
    assert view.shown_width * view.shown_height <= max(budget, 1)
    assert (view.width, view.height) == (60, 40)
    if budget >= 600:
        assert view.shown_width / view.shown_height == pytest.approx(1.5, rel=0.05)


def test_an_image_within_the_budget_is_shown_as_it_is() -> None:
    assert reduced(DATA, 2400).data is DATA
    jpeg = encode_jpeg(PIXELS)
    again = reduced(jpeg, 2400).data
    assert np.array_equal(decode(again, max_pixels=2400), decode(jpeg, max_pixels=2400))


def test_those_who_ask_at_the_same_instant_wait_for_one_reduction(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    images = ShownImages(1 << 20)
    begun, go_on = threading.Semaphore(0), threading.Event()
    made: list[Shown] = []

    def slowly(data: bytes, max_pixels: int) -> Shown:
        begun.release()
        assert go_on.wait(10)
        made.append(reduced(data, max_pixels))
        return made[-1]

    monkeypatch.setattr(shown_module, "reduced", slowly)
    with ThreadPoolExecutor(MANY) as pool:
        asked = [pool.submit(images.of, digest_of(DATA), DATA, 600) for _ in range(MANY)]
        assert begun.acquire(timeout=10)
        go_on.set()
        found = [one.result(10) for one in asked]
    assert len(made) == 1
    assert all(one is made[0] for one in found)


def test_what_is_kept_is_bounded_in_bytes_and_the_oldest_goes_first() -> None:
    pictures = [encode_png(np.roll(PIXELS, n, axis=0)) for n in range(4)]
    images = ShownImages(3 * max(map(len, pictures)))
    first, second, *_ = [images.of(digest_of(one), one, 2400) for one in pictures[:3]]
    assert images.of(first.digest, pictures[0], 2400) is first
    images.of(digest_of(pictures[3]), pictures[3], 2400)
    assert images.nbytes <= 3 * max(map(len, pictures))
    assert images.of(first.digest, pictures[0], 2400) is first
    assert images.of(second.digest, pictures[1], 2400) is not second


def test_one_image_is_another_at_another_budget() -> None:
    images = ShownImages(1 << 20)
    assert images.of("d", DATA, 600).view != images.of("d", DATA, 2400).view


@given(st.integers(1, 3000), st.integers(1, 40), st.booleans(), st.integers(600, 1 << 16))
def test_a_strip_is_shown_broader_and_any_image_within_its_budget(
    long: int, short: int, upright: bool, max_pixels: int
) -> None:
    width, height = (short, long) if upright else (long, short)
    view = reduced(encode_png(np.zeros((height, width, 3), np.uint8)), max_pixels).view
    assert (view.width, view.height) == (width, height)
    shown = sorted((view.shown_width, view.shown_height))
    assert shown[1] < 200 * shown[0]
    assert shown[0] * shown[1] <= max_pixels
    if max(width, height) <= 100 * min(width, height) and width * height <= max_pixels:
        assert (view.shown_width, view.shown_height) == (width, height)


def test_a_failure_is_told_and_not_remembered() -> None:
    images = ShownImages(1 << 20)
    with pytest.raises(InvalidImage):
        images.of("d", b"no image", 600)
    assert images.of("d", DATA, 600).view.width == 60


async def test_the_data_url_of_an_image_is_made_once() -> None:
    image = await EpisodeImages(2400).add(DATA)
    assert image.shown_url.startswith("data:image/png;base64,iVBOR")
    assert image.shown_url is image.shown_url
