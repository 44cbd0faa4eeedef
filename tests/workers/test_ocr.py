from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image as Picture
from PIL import ImageDraw, ImageFont

from thinkimg_rpc.client import Mesh
from thinkimg_rpc.errors import DeadlineExceeded, InvalidRequest, OutOfRange
from thinkimg_rpc.imaging.codec import Pixels, encode_png
from thinkimg_rpc.v1 import Box, Image, OCRRequest, OCRResponse
from thinkimg_workers.ocr import OCR
from thinkimg_workers.text_line import TextLine
from thinkimg_workers.text_reader import TextReader, without_stray_marks

from .answering import answer, sent

CHARTS = Path(__file__).parents[2] / ".." / "shared" / "data" / "opencqa"
LINES = ("Revenue by year", "2021  2022  2023", "Source: annual report")


@pytest.fixture(scope="module")
def ocr() -> OCR:
    tool = OCR()
    tool.setup()
    return tool


def page(*lines: str, size: int = 24, width: int = 420) -> Pixels:
    """Lines of black text on white, 50 pixels apart, the first at 20."""
    picture = Picture.new("RGB", (width, 50 * len(lines) + 20), "white")
    draw = ImageDraw.Draw(picture)
    for number, line in enumerate(lines):
        draw.text((30, 20 + 50 * number), line, "black", font=ImageFont.load_default(size))
    return np.asarray(picture)


def read(ocr: OCR, pixels: Pixels, **options: Any) -> OCRResponse:
    response = answer(ocr, OCRRequest(image=sent(pixels), **options))
    assert isinstance(response, OCRResponse)
    return response


def texts(response: OCRResponse) -> list[str]:
    return [span.text for span in response.spans]


def test_text_is_read_line_by_line(ocr: OCR) -> None:
    words = " ".join(texts(read(ocr, page(*LINES)))).split()
    assert words == " ".join(LINES).split()


def test_a_span_says_where_its_text_stands(ocr: OCR) -> None:
    pixels = page("Hello there")
    rows, columns = np.nonzero((pixels < 128).all(axis=2))
    (span,) = read(ocr, pixels).spans
    assert span.box.x0 == pytest.approx(columns.min(), abs=10)
    assert span.box.x1 == pytest.approx(columns.max() + 1, abs=10)
    assert span.box.y0 == pytest.approx(rows.min(), abs=10)
    assert span.box.y1 == pytest.approx(rows.max() + 1, abs=10)
    assert span.quad.top_left.x == pytest.approx(span.box.x0, abs=4)
    assert span.quad.bottom_right.y == pytest.approx(span.box.y1, abs=4)
    assert 0.8 < span.score <= 1


def test_only_the_region_is_read_and_placed_in_the_whole_image(ocr: OCR) -> None:
    pixels = page("First", "Second", "Third")
    (span,) = read(ocr, pixels, region=Box(x0=0, y0=62, x1=420, y1=112)).spans
    assert span.text == "Second"
    assert 62 <= span.box.y0 < span.box.y1 <= 112
    assert span.quad.bottom_left.y > 80


def test_a_tight_region_is_enough(ocr: OCR) -> None:
    pixels = page("1234")
    rows, columns = np.nonzero((pixels < 128).all(axis=2))
    region = Box(x0=columns.min(), y0=rows.min(), x1=columns.max() + 1, y1=rows.max() + 1)
    assert texts(read(ocr, pixels, region=region)) == ["1234"]


@pytest.mark.parametrize(("turns", "reads"), [(1, "up"), (3, "down")])
def test_text_on_its_side_is_read_and_keeps_its_direction(ocr: OCR, turns: int, reads: str) -> None:
    pixels = np.ascontiguousarray(np.rot90(page("Share of adults (percent)"), turns))
    (span,) = read(ocr, pixels).spans
    assert span.text == "Share of adults (percent)"
    start, end = span.quad.top_left, span.quad.top_right
    assert abs(start.x - end.x) < 10
    assert (start.y > end.y) == (reads == "up")


def test_small_print_is_read(ocr: OCR) -> None:
    assert texts(read(ocr, page("Note: figures may not add up to 100", size=11))) == [
        "Note: figures may not add up to 100"
    ]


def test_a_large_image_is_read(ocr: OCR) -> None:
    large = np.full((900, 5200, 3), 255, np.uint8)
    cv2.putText(large, "Large print", (900, 500), cv2.FONT_HERSHEY_SIMPLEX, 8, (0, 0, 0), 20)
    (span,) = read(ocr, large).spans
    assert span.text == "Large print"
    assert span.box.x0 == pytest.approx(900, abs=120)
    assert span.box.y1 == pytest.approx(560, abs=120)


def test_slanted_tick_labels_are_read(ocr: OCR) -> None:
    labels = ("Bicycle", "Tram", "Ferry")
    picture = Picture.new("RGB", (420, 160), "white")
    for number, label in enumerate(labels):
        flat = Picture.new("L", (110, 110), 255)
        font = ImageFont.load_default(20)
        ImageDraw.Draw(flat).text((55, 55), label, 0, font=font, anchor="mm")
        turned = flat.rotate(45, resample=Picture.Resampling.BICUBIC, fillcolor=255)
        picture.paste(turned.convert("RGB"), (20 + 130 * number, 20))
    spans = read(ocr, np.asarray(picture)).spans
    assert sorted(span.text for span in spans) == sorted(labels)
    for span in spans:
        start, end = span.quad.top_left, span.quad.top_right
        assert start.x < end.x
        assert start.y - end.y == pytest.approx(end.x - start.x, rel=0.3)


def test_a_label_beside_a_large_area_is_read(ocr: OCR, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the finer search is blind to is found by the coarser one."""
    reader = ocr._text.reader
    assert isinstance(reader, TextReader)
    pixels = page("Egypt", "Spain")
    detect, scales = reader._detect, []

    def half_blind(image: Any, scale: float) -> Any:
        likely, faint = detect(image, scale)
        scales.append(scale)
        is_finer = len(scales) == 1
        return [box for box in likely if not is_finer or box[0, 1] > 60], faint

    monkeypatch.setattr(reader, "_detect", half_blind)
    lines = reader.read(pixels, lambda: None)
    assert sorted(line.text for line in lines) == ["Egypt", "Spain"]
    assert scales[1] == scales[0] / 2


def test_a_word_cut_in_two_is_read_as_one(ocr: OCR, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = ocr._text.reader
    assert isinstance(reader, TextReader)
    pixels = page("people")
    ((whole,), _) = reader._detect(pixels, 1.0)
    (left, top), (right, bottom) = whole[0], whole[2]
    middle, reach = (left + right) / 2, (bottom - top) / 6

    def box(x0: float, x1: float) -> Any:
        return np.array([(x0, top), (x1, top), (x1, bottom), (x0, bottom)], np.float32)

    halves = [box(left, middle + reach), box(middle - reach, right)]
    monkeypatch.setattr(reader, "_detect", lambda image, scale: (halves, []))
    monkeypatch.setattr(
        reader,
        "_read_piece",
        lambda image, box: [TextLine("peo" if box[0, 0] == left else "ple", box, 0.9)],
    )
    (line,) = reader.read(pixels, lambda: None)
    assert line.text == "people"
    assert line.corners == pytest.approx(whole, abs=3)


def test_marks_that_were_taken_for_characters_are_left_out() -> None:
    def kept(*readings: tuple[str, float]) -> list[str]:
        corners = np.zeros((4, 2), np.float32)
        lines = [TextLine(text, corners, score) for text, score in readings]
        return [line.text for line in without_stray_marks(lines)]

    assert kept(("Total", 0.9), ("口", 0.6), ("A", 0.6), ("4", 0.6)) == ["Total", "4"]
    assert kept(("A", 0.99), ("(b)", 0.95)) == ["A", "(b)"]
    assert kept(("年度收入", 0.9), ("年", 0.6)) == ["年度收入", "年"]


def test_a_blank_image_is_not_searched(ocr: OCR, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = ocr._text.reader
    monkeypatch.setattr(reader, "_detect", lambda *_: pytest.fail("searched"))
    assert texts(read(ocr, np.full((600, 800, 3), 255, np.uint8))) == []


async def test_text_is_read_over_the_wire_once_per_image() -> None:
    async with Mesh.local([OCR]) as mesh:
        image = mesh.image(encode_png(page("Hello there")))
        first = await mesh.send(OCRRequest(image=image), timeout_s=60)
        again = await mesh.send(OCRRequest(image=image, min_score=0.1), timeout_s=60)
        assert [span.text for span in first.spans] == ["Hello there"]
        assert list(again.spans) == list(first.spans)
        assert first.answered_by.backend.startswith("rapidocr ")
        outside = Box(x0=0, y0=0, x1=421, y1=20)
        with pytest.raises(OutOfRange, match=r"region\.x1"):
            await mesh.send(OCRRequest(image=image, region=outside), timeout_s=60)


def test_what_is_less_sure_than_asked_for_is_left_out(ocr: OCR) -> None:
    assert texts(read(ocr, page("Hello there"), min_score=1)) == []
    assert texts(read(ocr, page("Hello there"), min_score=0)) == ["Hello there"]


@pytest.mark.parametrize(
    ("width", "height"),
    [(1, 1), (2, 3), (1, 500), (500, 1), (31, 33), (40_000, 3), (3, 40_000), (300, 200)],
)
def test_an_image_without_text_of_any_size_has_no_spans(ocr: OCR, width: int, height: int) -> None:
    assert texts(read(ocr, np.full((height, width, 3), 255, np.uint8))) == []


def test_a_long_strip_of_text_stays_affordable(ocr: OCR) -> None:
    strip = page("word " * 400, width=30_000)
    for span in read(ocr, strip, min_score=0).spans:
        assert 0 <= span.box.x0 < span.box.x1 <= 30_000
        assert 0 <= span.box.y0 < span.box.y1 <= 70


@pytest.mark.parametrize(
    ("region", "error", "field"),
    [
        (Box(x0=0, y0=0, x1=421, y1=20), OutOfRange, "region.x1"),
        (Box(x0=20, y0=0, x1=10, y1=20), InvalidRequest, "region.x1"),
        (Box(x0=0, y0=0, x1=10), InvalidRequest, "region.y1"),
    ],
)
def test_a_bad_region_names_the_edge(
    ocr: OCR, region: Box, error: type[Exception], field: str
) -> None:
    with pytest.raises((OutOfRange, InvalidRequest)) as caught:
        read(ocr, page("Hello"), region=region)
    assert isinstance(caught.value, error)
    assert field in str(caught.value)


def test_several_threads_read_at_once(ocr: OCR) -> None:
    pages = [page(f"Page number {number}", f"costs {number}00 dollars") for number in range(4)]
    alone = [texts(read(ocr, pixels)) for pixels in pages]
    whole = Box(x0=0, y0=0, x1=420, y1=120)  # text of a region is not kept
    with ThreadPoolExecutor(3) as pool:
        again = pool.map(lambda pixels: read(ocr, pixels, region=whole), pages)
        assert [texts(one) for one in again] == alone


def test_reading_stops_when_nobody_waits_any_more(ocr: OCR) -> None:
    class Expired:
        def remaining_s(self) -> float | None:
            raise DeadlineExceeded("too late")

    with pytest.raises(DeadlineExceeded):
        answer(ocr, OCRRequest(image=sent(page("Read by nobody yet"))), Expired())


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    tool = OCR()
    tool.setup()
    read(tool, np.full((20, 20, 3), 255, np.uint8))
    read(tool, page("Hello"))
    assert capfd.readouterr() == ("", "")


def test_a_real_chart_is_read(ocr: OCR) -> None:
    chart = CHARTS / "157.png"
    if not chart.exists():
        pytest.skip("the OpenCQA charts are not at ../shared/data/opencqa")
    found = texts(answer(ocr, OCRRequest(image=Image(data=chart.read_bytes()))))
    assert found[:2] == ["Ebola Worries Have Increased Since", "Early October"]
    assert {"67", "58", "41", "32", "Oct 2-5", "PEW RESEARCH CENTER"} <= set(found)
