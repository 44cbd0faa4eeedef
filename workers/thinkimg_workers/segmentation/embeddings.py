"""What a model's encoder makes of images, kept so that it is made once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

from thinkimg_rpc.imaging.rgb import Pixels
from thinkimg_workers.segmentation.segmenter import Scene

E = TypeVar("E")

MAX_BYTES = 512 << 20
"""About thirty images of SAM 2 in single precision."""
_PATIENCE_S = 0.05
"""How often one who waits for another's pass looks at its own deadline."""


class Embeddings(Generic[E]):
    """The embeddings of images by their digests, the latest used kept. Thread-safe.

    Of several that want one image at a time, one has it encoded for all.
    """

    def __init__(
        self,
        encode: Callable[[Sequence[Pixels]], Sequence[E]],
        bytes_of: Callable[[E], int],
        *,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self._encode = encode
        self._bytes_of = bytes_of
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, E] = OrderedDict()
        self._encoding: dict[str, Future[E]] = {}
        self._nbytes = 0

    @property
    def nbytes(self) -> int:
        """Bytes of what is kept."""
        return self._nbytes

    def of(self, scenes: Sequence[Scene]) -> list[E]:
        """The embedding of each scene's image; those not known share one pass.

        Raises: what encoding raises; what a scene's `check_deadline` raises.
        """
        results: dict[str, Future[E]] = {}
        mine: dict[str, Scene] = {}
        with self._lock:
            for scene in scenes:
                if scene.digest not in results:
                    results[scene.digest], is_new = self._result_of(scene.digest)
                    if is_new:
                        mine[scene.digest] = scene
        if mine:
            self._encode_all(mine, results)
        return [_await(results[scene.digest], scene.check_deadline) for scene in scenes]

    def _result_of(self, digest: str) -> tuple[Future[E], bool]:
        """What will be the image's embedding, and whether it is for the caller to make."""
        if digest in self._kept:
            self._kept.move_to_end(digest)
            known: Future[E] = Future()
            known.set_result(self._kept[digest])
            return known, False
        if digest in self._encoding:
            return self._encoding[digest], False
        self._encoding[digest] = Future()
        return self._encoding[digest], True

    def _encode_all(self, mine: dict[str, Scene], results: dict[str, Future[E]]) -> None:
        try:
            made = self._encode([scene.pixels for scene in mine.values()])
            for digest, embedding in zip(mine, made, strict=True):
                self._keep(digest, embedding)
                results[digest].set_result(embedding)
        except BaseException as error:
            for digest in mine:
                if not results[digest].done():
                    results[digest].set_exception(error)
            raise
        finally:
            with self._lock:
                for digest in mine:
                    del self._encoding[digest]

    def _keep(self, digest: str, embedding: E) -> None:
        with self._lock:
            self._kept[digest] = embedding
            self._nbytes += self._bytes_of(embedding)
            while self._nbytes > self._max_bytes:
                _, oldest = self._kept.popitem(last=False)
                self._nbytes -= self._bytes_of(oldest)


def _await(result: Future[E], check_deadline: Callable[[], None]) -> E:
    while not result.done():
        check_deadline()
        try:
            return result.result(timeout=_PATIENCE_S)
        except TimeoutError:
            continue
    return result.result()
