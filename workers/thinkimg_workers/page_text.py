"""The text of whole images, read once for all the tools and callers of a process."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from thinkimg_rpc.imaging.rgb import Pixels
from thinkimg_rpc.settings import ModelSettings
from thinkimg_rpc.tool import Call
from thinkimg_rpc.v1 import Image
from thinkimg_workers.text_line import Reader, TextLine

__all__ = ["PageText", "TextLine", "lines_of", "shared_page_text", "warm_up"]

_MOST_LINES = 20_000
"""How many lines are kept, of all images: about 10 MB."""
_PATIENCE_S = 0.05
"""How often one who waits for another's reading looks at its own deadline."""


def lines_of(call: Call, image: Image) -> list[TextLine]:
    """All text of a whole image, in no particular order, read once per image and process.

    Raises: what `call.image` raises; DeadlineExceeded, Cancelled.
    """
    return shared_page_text().lines_of(call, image)


def warm_up() -> None:
    """Load the models: for the `setup` of a tool that will ask for `lines_of`."""
    shared_page_text()


def shared_page_text(
    _settings: ModelSettings | None = None, _weights: Path | None = None
) -> PageText:
    """The one of this process. It reads with RapidOCR, which has nothing to set."""
    with _loading:
        return _made_once()


_loading = threading.Lock()


@cache
def _made_once() -> PageText:
    from thinkimg_workers.text_reader import TextReader

    return PageText(TextReader())


@dataclass
class _Reading:
    """One image being read by one thread for all that want it."""

    waiting: int = 0
    """How many others want it."""
    done: threading.Event = field(default_factory=threading.Event)
    lines: tuple[TextLine, ...] = ()
    error: BaseException | None = None


class PageText:
    """What a reader has read of whole images, by their digests, the latest used kept."""

    def __init__(self, reader: Reader, most_lines: int = _MOST_LINES) -> None:
        self.reader = reader
        self._most_lines = most_lines
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, tuple[TextLine, ...]] = OrderedDict()
        self._kept_lines = 0
        self._readings: dict[str, _Reading] = {}

    def lines_of(self, call: Call, image: Image) -> list[TextLine]:
        """All text of the image; of several callers at a time, one reads for all.

        Raises: what `call.image` raises; DeadlineExceeded, Cancelled.
        """
        pixels = call.image(image)
        digest = call.image_digest(image)
        with self._lock:
            if (lines := self._kept.get(digest)) is not None:
                self._kept.move_to_end(digest)
                return list(lines)
            reading = self._readings.get(digest)
            is_first = reading is None
            if reading is None:
                reading = self._readings[digest] = _Reading()
            else:
                reading.waiting += 1
        if is_first:
            self._read(digest, reading, pixels, call)
        else:
            self._wait(reading, call)
        if reading.error is not None:
            raise reading.error
        return list(reading.lines)

    def _read(self, digest: str, reading: _Reading, pixels: Pixels, call: Call) -> None:
        def check_wanted() -> None:
            """Go on after one's own deadline as long as anyone else wants the text."""
            try:
                call.check_deadline()
            except Exception:
                with self._lock:
                    if not reading.waiting:
                        # At once, so that nobody starts to wait for what is given up.
                        del self._readings[digest]
                        raise

        try:
            lines = tuple(self.reader.read(pixels, check_wanted))
        except BaseException as error:
            reading.error = error
            lines = ()
        for line in lines:
            line.corners.setflags(write=False)  # shared by all
        with self._lock:
            if self._readings.get(digest) is reading:
                del self._readings[digest]
            if reading.error is None:
                reading.lines = lines
                self._keep(digest, lines)
        reading.done.set()

    def _wait(self, reading: _Reading, call: Call) -> None:
        try:
            while not reading.done.wait(_PATIENCE_S):
                call.check_deadline()
        finally:
            with self._lock:
                reading.waiting -= 1

    def _keep(self, digest: str, lines: tuple[TextLine, ...]) -> None:
        self._kept[digest] = lines
        self._kept_lines += len(lines) + 1
        while self._kept_lines > self._most_lines and len(self._kept) > 1:
            _, dropped = self._kept.popitem(last=False)
            self._kept_lines -= len(dropped) + 1
