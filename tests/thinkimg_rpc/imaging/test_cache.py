from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from thinkimg_rpc.digest import digest_of
from thinkimg_rpc.imaging import cache as cache_module
from thinkimg_rpc.imaging.cache import ImageCache
from thinkimg_rpc.imaging.codec import InvalidImage, Pixels, encode_png

CAPACITY = 1000


def image(rows: int, value: int = 0) -> Pixels:
    """30 bytes a row."""
    return np.full((rows, 10, 3), value, np.uint8)


def test_an_image_put_is_got_back() -> None:
    cache = ImageCache(CAPACITY, max_pixels=100)
    pixels = image(3)
    cache.put("a", pixels)
    assert cache.get("a") is pixels
    assert "a" in cache
    assert len(cache) == 1
    assert cache.nbytes == 90
    assert cache.get("b") is None


def test_what_is_kept_cannot_be_written_to() -> None:
    cache = ImageCache(CAPACITY, max_pixels=100)
    pixels = image(3)
    cache.put("a", pixels)
    with pytest.raises(ValueError, match="read-only"):
        pixels[0, 0] = 1


def test_a_crop_does_not_keep_the_whole_image_alive() -> None:
    cache = ImageCache(CAPACITY, max_pixels=100)
    whole = image(30)
    cache.put("crop", whole[2:4, 3:5])
    kept = cache.get("crop")
    assert kept is not None
    assert kept.base is None
    assert kept.flags.c_contiguous
    assert cache.nbytes == 12


def test_the_least_recently_used_goes_first() -> None:
    cache = ImageCache(100, max_pixels=100)
    cache.put("a", image(1))
    cache.put("b", image(1))
    cache.put("c", image(1))
    cache.get("a")
    cache.put("d", image(1))
    assert [digest for digest in "abcd" if digest in cache] == ["a", "c", "d"]


def test_an_image_larger_than_the_cache_is_served_but_not_kept() -> None:
    cache = ImageCache(100, max_pixels=1000)
    cache.put("small", image(1))
    data = encode_png(image(20))
    assert np.array_equal(cache.decode(digest_of(data), data), image(20))
    cache.put("large", image(20))
    assert len(cache) == 1
    assert "small" in cache


def test_decoding_keeps_the_image() -> None:
    cache = ImageCache(CAPACITY, max_pixels=100)
    data = encode_png(image(3, 7))
    pixels = cache.decode(digest_of(data), data)
    assert np.array_equal(pixels, image(3, 7))
    assert cache.get(digest_of(data)) is pixels


def test_a_failure_is_not_remembered() -> None:
    cache = ImageCache(CAPACITY, max_pixels=100)
    with pytest.raises(InvalidImage):
        cache.decode("a", b"garbage")
    assert cache.decode("a", encode_png(image(1))).shape == (1, 10, 3)


def test_the_pixel_limit_holds() -> None:
    with pytest.raises(InvalidImage, match="limit of 20"):
        ImageCache(CAPACITY, max_pixels=20).decode("a", encode_png(image(3)))


def ask_together(
    monkeypatch: pytest.MonkeyPatch, decode: Callable[[], Pixels]
) -> tuple[list[Pixels | BaseException], int]:
    """What eight threads get that ask for one digest at once, and how often it was decoded."""
    cache = ImageCache(CAPACITY, max_pixels=100)
    started, release = threading.Event(), threading.Event()
    calls = []

    def slow_decode(data: bytes, *, max_pixels: int) -> Pixels:
        calls.append(data)
        started.set()
        assert release.wait(10)
        return decode()

    def ask() -> Pixels | BaseException:
        try:
            return cache.decode("a", b"data")
        except InvalidImage as error:
            return error

    monkeypatch.setattr(cache_module, "decode", slow_decode)
    with ThreadPoolExecutor(8) as pool:
        leader = pool.submit(ask)
        assert started.wait(10)
        others = [pool.submit(ask) for _ in range(7)]
        release.set()
        return [leader.result(10), *(other.result(10) for other in others)], len(calls)


def test_eight_threads_asking_for_one_digest_decode_it_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pixels = image(2)
    got, times = ask_together(monkeypatch, lambda: pixels)
    assert times == 1
    assert all(one is pixels for one in got)


def test_a_failure_reaches_every_thread_that_waits_for_it() -> None:
    cache = ImageCache(CAPACITY, max_pixels=100)
    together = threading.Barrier(8)

    def ask() -> None:
        together.wait(10)
        with pytest.raises(InvalidImage):
            cache.decode("a", b"garbage")

    with ThreadPoolExecutor(8) as pool:
        for one in [pool.submit(ask) for _ in range(8)]:
            one.result(10)


class AgainstAModel(RuleBasedStateMachine):
    """The cache does what a plain list of (digest, bytes), oldest first, would."""

    def __init__(self) -> None:
        super().__init__()
        self.cache = ImageCache(CAPACITY, max_pixels=10_000)
        self.model: list[tuple[str, int]] = []

    digests = st.sampled_from("abcdefgh")

    def touch(self, digest: str) -> bool:
        for entry in self.model:
            if entry[0] == digest:
                self.model.remove(entry)
                self.model.append(entry)
                return True
        return False

    def add(self, digest: str, nbytes: int) -> None:
        if self.touch(digest) or nbytes > CAPACITY:
            return
        self.model.append((digest, nbytes))
        while sum(size for _, size in self.model) > CAPACITY:
            self.model.pop(0)

    @rule(digest=digests, rows=st.integers(1, 40))
    def put(self, digest: str, rows: int) -> None:
        self.cache.put(digest, image(rows))
        self.add(digest, rows * 30)

    @rule(digest=digests, rows=st.integers(1, 40))
    def decode(self, digest: str, rows: int) -> None:
        held = self.cache.get(digest)
        self.touch(digest)
        pixels = self.cache.decode(digest, encode_png(image(rows)))
        assert pixels.shape[0] == (rows if held is None else held.shape[0])
        self.add(digest, rows * 30)

    @rule(digest=digests)
    def get(self, digest: str) -> None:
        assert (self.cache.get(digest) is not None) == self.touch(digest)

    @invariant()
    def agrees(self) -> None:
        assert {digest for digest in "abcdefgh" if digest in self.cache} == {
            digest for digest, _ in self.model
        }
        assert self.cache.nbytes == sum(size for _, size in self.model) <= CAPACITY
        assert len(self.cache) == len(self.model)


TestAgainstAModel = AgainstAModel.TestCase
TestAgainstAModel.settings = settings(max_examples=50, stateful_step_count=30, deadline=None)
