"""OCR through EasyOCR: CRAFT finds the text, a CRNN of one group of languages reads it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cv2
import easyocr
import numpy as np
from numpy.typing import NDArray

from thinkimg_rpc.imaging.rgb import Pixels
from thinkimg_rpc.settings import CannotStart, ModelSettings
from thinkimg_workers.page_text import PageText
from thinkimg_workers.text_line import Corners, TextLine
from thinkimg_workers.torch_models import choose_device

DETECTOR = "craft_mlt_25k.pth"
LANGUAGES = {
    "english_g2.pth": ["en"],
    "latin_g2.pth": ["en", "fr", "de", "es", "it", "pt", "nl", "pl", "tr", "vi"],
    "zh_sim_g2.pth": ["ch_sim", "en"],
    "japanese_g2.pth": ["ja", "en"],
    "korean_g2.pth": ["ko", "en"],
    "cyrillic_g2.pth": ["ru", "be", "bg", "uk", "en"],
}
"""What each file of a recogniser reads; of several in a folder, the first here is taken."""
_SOURCE = "https://www.jaided.ai/easyocr/modelhub"
_LONGEST_SIDE = 4000
"""Larger images are reduced to it first; the detector reduces to 2560 by itself."""
_TALL = 1.5
"""Height by width from which text stands on its side."""
_SMALLEST = 10
"""Sides of text in pixels, half of EasyOCR's: charts have short labels in small print."""

Grey = NDArray[np.uint8]


def open_easyocr(settings: ModelSettings, folder: Path) -> PageText:
    """The text of whole images as EasyOCR reads it. Raises: CannotStart."""
    return PageText(EasyOCRReader(settings, folder))


class EasyOCRReader:
    """Reads text in the languages of the recogniser in its folder. Thread-safe once made."""

    def __init__(self, settings: ModelSettings, folder: Path) -> None:
        device = choose_device(settings.device)
        _refuse_what_it_cannot(settings, device.type)
        recogniser = _recogniser_in(folder)
        try:
            self._reader = easyocr.Reader(
                LANGUAGES[recogniser],
                gpu=str(device) if device.type != "cpu" else False,
                model_storage_directory=str(folder),
                user_network_directory=str(folder),  # else it makes a folder in one's home
                download_enabled=False,
                verbose=False,
                quantize=settings.quantization == "8bit",
            )
        except Exception as error:  # whatever a damaged file provokes
            raise CannotStart(
                f"EasyOCR cannot use {folder}: {error}; fetch {DETECTOR} and {recogniser} "
                f"again from {_SOURCE}"
            ) from error
        bits = "8bit" if settings.quantization == "8bit" else "float32"
        self.name = (
            f"easyocr {version('easyocr')} {recogniser.removesuffix('.pth')}, {device} {bits}"
        )

    def read(self, pixels: Pixels, between_steps: Callable[[], None]) -> list[TextLine]:
        """The text in (H, W, 3) RGB pixels, in no particular order."""
        height, width = pixels.shape[:2]
        scale = min(1.0, _LONGEST_SIDE / max(height, width))
        size = max(1, round(width * scale)), max(1, round(height * scale))
        smaller = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
        grey = np.asarray(cv2.cvtColor(smaller, cv2.COLOR_RGB2GRAY), np.uint8)
        factors = np.array([size[0] / width, size[1] / height], np.float32)
        lines = []
        for corners, recognise in self._pieces(cv2.cvtColor(smaller, cv2.COLOR_RGB2BGR), grey):
            between_steps()
            lines += [
                TextLine(text.strip(), corners / factors, float(score))
                for _, text, score in recognise()
                if text.strip()
            ]
        return lines

    def _pieces(self, bgr: Any, grey: Grey) -> Iterator[tuple[Corners, Callable[[], Any]]]:
        """Each piece of text: where it is, and what reads it."""
        if min(grey.shape) < _SMALLEST:
            return
        (level,), (slanted,) = self._reader.detect(bgr, min_size=_SMALLEST, reformat=False)
        read = functools.partial(self._reader.recognize, grey, reformat=False)
        limits = np.array(grey.shape[::-1], np.float32)
        for x0, x1, y0, y1 in level:
            box = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], np.float32)
            box = np.clip(box, 0, limits)
            if (y1 - y0) >= _TALL * (x1 - x0):
                yield self._on_its_side(grey, box)
            else:
                yield box, functools.partial(read, [[x0, x1, y0, y1]], [])
        for corners in slanted:
            where = np.clip(np.asarray(corners, np.float32), 0, limits)
            yield where, functools.partial(read, [], [corners])

    def _on_its_side(self, grey: Grey, box: Corners) -> tuple[Corners, Callable[[], Any]]:
        """Text that runs up, as axis labels do, read as if it lay flat."""
        (x0, y0), (x1, y1) = np.floor(box[0]).astype(int), np.ceil(box[2]).astype(int)
        flat = np.ascontiguousarray(np.rot90(grey[y0:y1, x0:x1], -1))
        whole = [[0, flat.shape[1], 0, flat.shape[0]]]
        recognise = functools.partial(self._reader.recognize, flat, whole, [], reformat=False)
        return np.roll(box, 1, axis=0), recognise


def _recogniser_in(folder: Path) -> str:
    missing = "" if (folder / DETECTOR).is_file() else f"{DETECTOR} is not in {folder}"
    found = next((file for file in LANGUAGES if (folder / file).is_file()), None)
    if found is None:
        missing = missing or f"none of {', '.join(LANGUAGES)} is in {folder}"
    if found is None or missing:
        raise CannotStart(
            f"EasyOCR's weights: {missing}; fetch the zip files from {_SOURCE} and unpack "
            "them there"
        )
    return found


def _refuse_what_it_cannot(settings: ModelSettings, device: str) -> None:
    """Raises: CannotStart."""
    if settings.precision not in ("auto", "float32"):
        raise CannotStart(f'EasyOCR computes in float32, not precision = "{settings.precision}"')
    if settings.quantization == "4bit" or (settings.quantization == "8bit" and device != "cpu"):
        raise CannotStart(
            f'EasyOCR has no quantization = "{settings.quantization}" on {device}; '
            'it has "8bit" on the CPU'
        )
