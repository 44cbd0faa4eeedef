from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from thinkimg_rpc.errors import DeadlineExceeded
from thinkimg_rpc.imaging.rgb import Pixels
from thinkimg_workers.segmentation.embeddings import Embeddings
from thinkimg_workers.segmentation.segmenter import Scene


def scene(number: int) -> Scene:
    return Scene(np.full((2, 2, 3), number, np.uint8), str(number), (), lambda: None)


class Encoder:
    """Makes 10 bytes of each image, and remembers which passes it was asked for."""

    def __init__(self) -> None:
        self.passes: list[list[int]] = []

    def __call__(self, images: Sequence[Pixels]) -> list[bytes]:
        self.passes.append([int(image[0, 0, 0]) for image in images])
        return [bytes([image[0, 0, 0]]) * 10 for image in images]


def test_an_image_is_encoded_once() -> None:
    encoder = Encoder()
    embeddings: Embeddings[bytes] = Embeddings(encoder, len)
    assert embeddings.of([scene(1)]) == embeddings.of([scene(1)]) == [b"\x01" * 10]
    assert encoder.passes == [[1]]


def test_those_not_known_share_one_pass_and_equal_ones_a_place_in_it() -> None:
    encoder = Encoder()
    embeddings: Embeddings[bytes] = Embeddings(encoder, len)
    embeddings.of([scene(2)])
    found = embeddings.of([scene(1), scene(2), scene(3), scene(1)])
    assert [one[0] for one in found] == [1, 2, 3, 1]
    assert encoder.passes == [[2], [1, 3]]


def test_what_was_used_least_recently_goes_first() -> None:
    encoder = Encoder()
    embeddings: Embeddings[bytes] = Embeddings(encoder, len, max_bytes=20)
    embeddings.of([scene(1), scene(2)])
    embeddings.of([scene(1)])
    embeddings.of([scene(3)])
    assert embeddings.nbytes == 20
    embeddings.of([scene(1)])
    embeddings.of([scene(2)])
    assert encoder.passes == [[1, 2], [3], [2]]


def test_what_is_larger_than_the_bound_is_returned_and_not_kept() -> None:
    embeddings: Embeddings[bytes] = Embeddings(Encoder(), len, max_bytes=5)
    assert embeddings.of([scene(1)]) == [b"\x01" * 10]
    assert embeddings.nbytes == 0


def test_of_several_at_a_time_one_encodes_for_all() -> None:
    begun, go_on = threading.Event(), threading.Event()
    encoder = Encoder()

    def encode_slowly(images: Sequence[Pixels]) -> list[bytes]:
        begun.set()
        assert go_on.wait(10)
        return encoder(images)

    embeddings: Embeddings[bytes] = Embeddings(encode_slowly, len)
    with ThreadPoolExecutor(4) as threads:
        first = threads.submit(embeddings.of, [scene(1)])
        assert begun.wait(10)
        others = [threads.submit(embeddings.of, [scene(1)]) for _ in range(3)]
        go_on.set()
        assert [one.result(10) for one in (first, *others)] == [[b"\x01" * 10]] * 4
    assert encoder.passes == [[1]]


def test_one_who_waits_for_another_leaves_at_its_own_deadline() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def encode_slowly(images: Sequence[Pixels]) -> list[bytes]:
        begun.set()
        assert go_on.wait(10)
        return [b"" for _ in images]

    def too_late() -> None:
        raise DeadlineExceeded("too late")

    embeddings: Embeddings[bytes] = Embeddings(encode_slowly, len)
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(embeddings.of, [scene(1)])
        assert begun.wait(10)
        with pytest.raises(DeadlineExceeded):
            embeddings.of([Scene(scene(1).pixels, "1", (), too_late)])
        go_on.set()
        assert first.result(10) == [b""]


def test_a_failure_is_not_remembered() -> None:
    failures = iter([True, False])

    def encode(images: Sequence[Pixels]) -> list[bytes]:
        if next(failures):
            raise MemoryError("full")
        return [b"x" for _ in images]

    embeddings: Embeddings[bytes] = Embeddings(encode, len)
    with pytest.raises(MemoryError):
        embeddings.of([scene(1)])
    assert embeddings.of([scene(1)]) == [b"x"]
