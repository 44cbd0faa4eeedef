from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import easyocr
import easyocr.config
import numpy as np
import pytest
import torch
from easyocr.craft import CRAFT
from easyocr.model.vgg_model import Model

from thinkimg_rpc.imaging.codec import Pixels
from thinkimg_rpc.settings import CannotStart, ModelSettings
from thinkimg_rpc.v1 import OCRRequest
from thinkimg_workers.ocr import OCR
from thinkimg_workers.ocr_easyocr import DETECTOR, EasyOCRReader

from .answering import answer, noise, sent

RECOGNISER = "english_g2.pth"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """EasyOCR's own networks with random weights, and their checksums in its table."""
    folder = tmp_path_factory.mktemp("easyocr")
    torch.manual_seed(0)
    detector = CRAFT(pretrained=False)
    last = detector.conv_cls[-1]
    # A random map is a little higher over noise than over white: this makes it text.
    last.weight.data *= 100
    last.bias.data[:] = torch.tensor([-2.1, -20.0])
    letters = easyocr.config.recognition_models["gen2"]["english_g2"]["characters"]
    recogniser = Model(1, 256, 256, len(letters) + 1)
    recogniser.Prediction.weight.data *= 2000  # else it is unsure of everything
    for name, network in ((DETECTOR, detector), (RECOGNISER, recogniser)):
        torch.save({f"module.{k}": v for k, v in network.state_dict().items()}, folder / name)
    return folder


@pytest.fixture(scope="module")
def settings(folder: Path) -> Iterator[ModelSettings]:
    tables = easyocr.config.detection_models, easyocr.config.recognition_models["gen2"]
    with pytest.MonkeyPatch.context() as patch:
        for table, name, file in zip(
            tables, ("craft", "english_g2"), (DETECTOR, RECOGNISER), strict=True
        ):
            md5 = hashlib.md5((folder / file).read_bytes()).hexdigest()
            patch.setitem(table[name], "md5sum", md5)
        yield ModelSettings(backend="easyocr", weights=str(folder), device="cpu")


@pytest.fixture(scope="module")
def ocr(settings: ModelSettings) -> OCR:
    return opened(settings)


def patches() -> Pixels:
    """Two patches of noise on white: what stands for text here."""
    pixels = np.full((96, 320, 3), 255, np.uint8)
    pixels[20:50, 20:120] = noise(100, 30)
    pixels[60:80, 180:300] = noise(120, 20)
    return pixels


def opened(settings: ModelSettings) -> OCR:
    tool = OCR()
    tool.settings = settings
    tool.setup()
    return tool


def test_it_answers_what_the_library_itself_reads(ocr: OCR) -> None:
    reader = ocr._text.reader
    assert isinstance(reader, EasyOCRReader)
    library: Any = reader._reader
    pixels = patches()
    expected = [
        (text.strip(), np.asarray(box, float), score)
        for box, text, score in library.readtext(pixels[:, :, ::-1].copy(), min_size=10)
        if text.strip() and np.ptp(box, axis=0)[1] < 1.5 * np.ptp(box, axis=0)[0]
    ]
    assert len(expected) > 1
    assert max(score for *_, score in expected) > 0.1
    spans = answer(ocr, OCRRequest(image=sent(pixels), min_score=0)).spans
    level = {(span.text, round(span.quad.top_left.x), round(span.quad.top_left.y)): span
             for span in spans}  # fmt: skip
    for text, box, score in expected:
        span = level[text, round(max(box[0, 0], 0)), round(max(box[0, 1], 0))]
        assert span.score == pytest.approx(score, abs=1e-4)
        assert span.quad.bottom_right.x == pytest.approx(min(box[2, 0], 320), abs=1e-4)
        assert span.quad.bottom_right.y == pytest.approx(min(box[2, 1], 96), abs=1e-4)
    assert ocr.backend.startswith("easyocr 1.")
    assert ocr.backend.endswith("english_g2, cpu float32")


@pytest.mark.parametrize("shape", [(1, 1), (3, 500)])
def test_images_without_text_have_no_spans(ocr: OCR, shape: tuple[int, int]) -> None:
    blank = np.full((*shape, 3), 255, np.uint8)
    assert len(answer(ocr, OCRRequest(image=sent(blank))).spans) == 0


def test_text_that_runs_up_is_turned_before_it_is_read(
    ocr: OCR, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = ocr._text.reader
    assert isinstance(reader, EasyOCRReader)
    monkeypatch.setattr(reader._reader, "detect", lambda *a, **k: ([[[10, 30, 20, 90]]], [[]]))
    seen: list[tuple[int, ...]] = []

    def recognise(grey: Pixels, level: Any, slanted: Any, **options: Any) -> list[Any]:
        seen.append(grey.shape)
        assert grey[:, 0].max() == 200  # the lower end of the label comes first
        return [(None, " Share ", 0.9)]

    monkeypatch.setattr(reader._reader, "recognize", recognise)
    pixels = np.zeros((100, 50, 3), np.uint8)
    pixels[85:90, 10:30] = 200
    (line,) = reader.read(pixels, lambda: None)
    assert (line.text, seen) == ("Share", [(20, 70)])
    assert line.corners.tolist() == [[10, 90], [10, 20], [30, 20], [30, 90]]


def test_missing_weights_say_which_and_where_from(tmp_path: Path) -> None:
    settings = ModelSettings(backend="easyocr", weights=str(tmp_path), device="cpu")
    with pytest.raises(CannotStart, match=rf"{DETECTOR} is not in {tmp_path}.*jaided\.ai"):
        opened(settings)
    (tmp_path / DETECTOR).touch()
    with pytest.raises(CannotStart, match=rf"none of english_g2\.pth.*is in {tmp_path}"):
        opened(settings)
    with pytest.raises(CannotStart, match="easyocr"):
        opened(ModelSettings(backend="easyocr"))


def test_a_damaged_file_is_an_error_at_start(settings: ModelSettings, tmp_path: Path) -> None:
    for file in (DETECTOR, RECOGNISER):
        (tmp_path / file).write_bytes(b"not weights")
    with pytest.raises(CannotStart, match=r"MD5 mismatch.*again from https"):
        EasyOCRReader(ModelSettings(device="cpu"), tmp_path)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"precision": "float16"}, "computes in float32"),
        ({"quantization": "4bit"}, "no quantization"),
    ],
)
def test_what_it_cannot_do_is_refused(
    folder: Path, options: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(CannotStart, match=complaint):
        EasyOCRReader(ModelSettings(device="cpu", **options), folder)


def test_it_computes_in_8_bits_when_asked_to(settings: ModelSettings, folder: Path) -> None:
    reader = EasyOCRReader(ModelSettings(device="cpu", quantization="8bit"), folder)
    assert reader.name.endswith("cpu 8bit")
    check: Callable[[], None] = lambda: None  # noqa: E731
    assert isinstance(reader.read(noise(64, 32), check), list)
