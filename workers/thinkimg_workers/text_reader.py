"""Lines of text in an image: RapidOCR's detector and recogniser, fed as charts need it."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.metadata import version
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray
from rapidocr import RapidOCR
from rapidocr.ch_ppocr_det import TextDetector
from rapidocr.ch_ppocr_det.utils import DBPostProcess
from rapidocr.ch_ppocr_rec import TextRecInput, TextRecognizer
from rapidocr.ch_ppocr_rec.utils import CTCLabelDecode

from thinkimg_rpc.imaging.rgb import Pixels, known_uint8
from thinkimg_workers.text_line import Corners, TextLine

_SHARP_SIDE = 4000
"""The longest side that text is cut out of: larger images are reduced to it first."""
_DETECTION_SIDE = 2000
"""The longest side that text is searched in: that takes time and memory by the pixel."""
_ENLARGED_SIDE, _MOST_ENLARGED = 736, 2.0
"""Text is searched in small images enlarged to this shorter side, so many times at most."""
_MARGIN, _GRID = 16, 32
"""Pixels added all around for the search, which misses text at the edge; the detector's step."""
_LINE_HEIGHT, _LONGEST_LINE = 48, 4800
"""What the recogniser takes, in pixels."""
_STRETCHED = 1.15
"""Wider than it is, narrow print comes out with its spaces."""
_LIKELY_SPACE = 0.05
_LIKELY, _LIKELY_PIECE = 0.3, 0.4
"""How likely a pixel, and on average a piece, has to be text to be read. Single digits are
less likely than words; what is no text mostly reads as none."""
_FAINT, _FAINT_PIECE = 0.15, 0.2
"""The same for a second look: it finds single digits at ticks, and much that is no text."""
_COARSE = 0.5
"""Text is searched again at this scale: next to large areas, as bars are, the finer search
is blind to some."""
_SURE = 0.9
"""The score from which pieces of the second look and of the coarser search are believed."""
_ALREADY_READ = 0.5
"""The share of such a piece from which it is not new."""
_LONE_LETTER = 0.8
"""The score from which a letter by itself is no marker."""
_OVERLAP, _ALIGNED, _ALIKE = (0.1, 0.8), 0.25, 2.0
"""How far boxes of parts of a word reach into one another, and are apart across, in heights;
by what factor their heights differ."""
_AS_SURE = 0.02
"""So much less sure than its parts, the whole is still preferred."""
_CONTRAST = 8
"""An image whose values differ by less has nothing to read."""
_FRAGMENT = 0.7
"""The share of a piece within another from which it is a part of that one."""
_TALL, _VERY_TALL = 1.5, 3.0
"""Height by width from which text may stand on its side, and from which it must."""


class TextReader:
    """Reads text. Thread-safe once made: an inference session may run in many threads."""

    name = f"rapidocr {version('rapidocr')}"

    def __init__(self) -> None:
        engine = RapidOCR(
            params={
                "Global.log_level": "error",
                # It is for text upside down, and turns some short labels that are not.
                "Global.use_cls": False,
                # The image is scaled here: upscaling by the shorter side alone, as RapidOCR
                # does, makes gigabytes out of a long thin strip.
                "Det.limit_type": "max",
                "Det.limit_side_len": 2 * _DETECTION_SIDE,
                # The narrowest batch; the usual 320 is mostly padding around short labels.
                "Rec.rec_img_shape": [3, _LINE_HEIGHT, 96],
                "EngineConfig.onnxruntime.intra_op_num_threads": min(os.cpu_count() or 1, 4),
            }
        )
        engine(_picture_with_text())  # loads the models
        self._detector = cast(TextDetector, engine.text_det)
        self._likely = _pieces_of_map(_LIKELY, _LIKELY_PIECE)
        self._faint = _pieces_of_map(_FAINT, _FAINT_PIECE)
        self._recogniser = cast(TextRecognizer, engine.text_rec)
        self._recogniser.postprocess_op = _Spaced(self._recogniser.postprocess_op)

    def read(self, pixels: Pixels, between_steps: Callable[[], None]) -> list[TextLine]:
        """The text in (H, W, 3) RGB pixels, in no particular order.

        `between_steps` is called every few tenths of a second, and may raise.
        """
        reduced, factors = _resized(pixels, min(1, _SHARP_SIDE / max(pixels.shape)))
        if int(reduced.max()) - int(reduced.min()) < _CONTRAST:
            return []
        image = known_uint8(cv2.cvtColor(reduced, cv2.COLOR_RGB2BGR))
        scale = _search_scale(image)
        likely, more = self._detect(image, scale)
        lines: list[TextLine] = []
        for box in likely:
            between_steps()
            lines += self._read_piece(image, box)
        more += self._detect(image, scale * _COARSE)[0]
        for box in more:
            between_steps()
            if _share_within(box, [line.corners for line in lines]) < _ALREADY_READ:
                new = [line for line in self._read_piece(image, box) if line.score >= _SURE]
                lines = _joined(lines, new)
        lines = self._mended(image, lines)
        return [
            line._replace(corners=line.corners / factors) for line in without_stray_marks(lines)
        ]

    def _mended(self, image: NDArray[np.uint8], lines: list[TextLine]) -> list[TextLine]:
        """The lines, words that were cut in two read once more as one."""
        gone: set[int] = set()
        for numbers in _cut_words(lines):
            parts = [lines[number] for number in numbers]
            whole = self._recognise(image, _around([part.corners for part in parts]))
            if whole.text and whole.score >= min(part.score for part in parts) - _AS_SURE:
                lines = [*lines, whole]
                gone.update(numbers)
        return [line for number, line in enumerate(lines) if number not in gone]

    def _read_piece(self, image: NDArray[np.uint8], box: Corners) -> list[TextLine]:
        """One line, or none where nothing can be read."""
        readings = [self._recognise(image, corners) for corners in _readings(box)]
        best = max(readings, key=lambda line: line.score)
        return [best] if best.text else []

    def _detect(
        self, image: NDArray[np.uint8], scale: float
    ) -> tuple[list[Corners], list[Corners]]:
        """Where text is likely, and where there may be some besides."""
        searched, factors = _resized(image, scale)
        # On its grid the detector needs no resizing of its own, which would blur.
        bottom, right = (_MARGIN + (-side - 2 * _MARGIN) % _GRID for side in searched.shape[:2])
        edges = (_MARGIN, bottom, _MARGIN, right)
        padded = cv2.copyMakeBorder(searched, *edges, cv2.BORDER_REPLICATE)
        probable = self._detector.session(self._detector.get_preprocess()(padded))
        limits = np.array(image.shape[1::-1], np.float32)

        def boxes(pieces_of: DBPostProcess) -> list[Corners]:
            found, _ = pieces_of(probable, padded.shape[:2])
            if not len(found):
                return []
            return list(np.clip((np.asarray(found, np.float32) - _MARGIN) / factors, 0, limits))

        likely = boxes(self._likely)
        faint = boxes(self._faint)
        return likely, [box for box in faint if _share_within(box, likely) < _ALREADY_READ]

    def _recognise(self, image: NDArray[np.uint8], corners: Corners) -> TextLine:
        # One at a time: in a batch, all are padded to the widest, at twice the cost.
        crop = _straightened(image, corners)
        result = self._recogniser(TextRecInput(img=[crop], return_word_box=False))
        texts, scores = result.txts or ("",), result.scores or (0.0,)
        text = texts[0].strip()
        return TextLine(text, corners, scores[0] if text else 0.0)


class _Spaced(CTCLabelDecode):
    """Reads a space where the recogniser thinks one at all likely.

    It was trained on Chinese too, and leaves out most spaces of narrow print.
    """

    def __init__(self, usual: CTCLabelDecode) -> None:
        self._usual = usual
        self._space = usual.dict[" "]

    def __call__(
        self, preds: NDArray[np.float32], return_word_box: bool = False, **kwargs: Any
    ) -> tuple[list[tuple[str, float]], list[Any]]:
        spaces = preds[:, :, self._space]
        spaces[spaces > _LIKELY_SPACE] = 1
        return self._usual(preds, return_word_box, **kwargs)


def without_stray_marks(lines: list[TextLine]) -> list[TextLine]:
    """The lines without markers, swatches and strokes that were taken for characters.

    A letter by itself of which the recogniser is not sure is a marker. A lone character
    beyond ASCII (a box, a dot, an ideograph of a few strokes) is text only in an image
    that has more of that kind.
    """
    lines = [line for line in lines if line.score >= _LONE_LETTER or not _is_letter(line.text)]
    exotic = [line for line in lines if not line.text.isascii()]
    if any(sum(not letter.isascii() for letter in line.text) > 1 for line in exotic):
        return lines
    return [line for line in lines if line.text.isascii() or len(line.text) > 1]


def _is_letter(text: str) -> bool:
    letters = [character for character in text if character.isalnum()]
    return len(letters) == 1 and letters[0].isascii() and letters[0].isalpha()


def _search_scale(image: NDArray[np.uint8]) -> float:
    height, width = image.shape[:2]
    shorter, longer = sorted((height, width))
    enlarged = min(max(1.0, _ENLARGED_SIDE / shorter), _MOST_ENLARGED)
    return float(min(enlarged, _DETECTION_SIDE / longer))


def _pieces_of_map(pixel: float, piece: float) -> DBPostProcess:
    """From a map of how likely each pixel is text to boxes around pieces of it."""
    return DBPostProcess(thresh=pixel, box_thresh=piece, unclip_ratio=1.6)


def _joined(lines: list[TextLine], new: list[TextLine]) -> list[TextLine]:
    """All lines, without those that were a fragment of a new one."""
    whole = [line.corners for line in new]
    return [line for line in lines if _share_within(line.corners, whole) < _FRAGMENT] + new


def _cut_words(lines: list[TextLine]) -> list[list[int]]:
    """Chains of lines by number: each begins with a letter within the end of the one before."""
    if len(lines) < 2:
        return []
    corners = np.stack([line.corners for line in lines])
    along = corners[:, 1] - corners[:, 0]
    along /= np.maximum(1e-6, np.linalg.norm(along, axis=1, keepdims=True))
    down = corners[:, 3] - corners[:, 0]
    heights = np.maximum(1.0, np.linalg.norm(down, axis=1))
    starts = (corners[:, 0] + corners[:, 3]) / 2
    ends = (corners[:, 1] + corners[:, 2]) / 2
    step = (starts[None] - ends[:, None]) / heights[:, None, None]
    overlap = -(step * along[:, None]).sum(axis=2)
    across = np.abs((step * (down / heights[:, None])[:, None]).sum(axis=2))
    alike = np.abs(np.log(heights[None] / heights[:, None])) < np.log(_ALIKE)
    parallel = along @ along.T > 0.99
    is_letter_first = np.array([line.text[0].isalpha() for line in lines])
    is_letter_last = np.array([line.text[-1].isalpha() for line in lines])
    least, most = _OVERLAP
    pairs = (overlap > least) & (overlap < most) & (across < _ALIGNED) & alike & parallel
    pairs &= is_letter_last[:, None] & is_letter_first[None]
    np.fill_diagonal(pairs, False)
    after = {int(one): int(other) for one, other in np.argwhere(pairs)}
    chains = []
    for first in after.keys() - set(after.values()):
        chain = [first]
        while (number := after.get(chain[-1])) is not None and number not in chain:
            chain.append(number)
        chains.append(chain)
    return chains


def _around(parts: list[Corners]) -> Corners:
    """The box around parts of one line, as high as the highest."""
    start, end = (parts[0][0] + parts[0][3]) / 2, (parts[-1][1] + parts[-1][2]) / 2
    highest = max(parts, key=lambda part: _size(part)[1])
    half = (highest[3] - highest[0]) / 2
    return np.stack([start - half, end - half, end + half, start + half])


def _share_within(piece: Corners, others: list[Corners]) -> float:
    """How much of a piece's area other pieces cover, 0 to 1 (more where they overlap)."""
    covered = sum(cv2.intersectConvexConvex(piece, other)[0] for other in others)
    return float(covered) / max(1.0, cv2.contourArea(piece))


def _resized(image: NDArray[np.uint8], scale: float) -> tuple[NDArray[np.uint8], Corners]:
    """The image, about `scale` times as large, and the exact factors of x and y, (2,)."""
    height, width = image.shape[:2]
    size = max(1, round(width * scale)), max(1, round(height * scale))
    method = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
    factors = np.array((size[0] / width, size[1] / height), np.float32)
    return known_uint8(cv2.resize(image, size, interpolation=method)), factors


def _readings(corners: Corners) -> list[Corners]:
    """The corners as they may be meant: text in a tall box can run down or up."""
    tallness = 1 / _aspect(corners)
    if tallness < _TALL:
        return [corners]
    sideways = [np.roll(corners, -1, axis=0), np.roll(corners, 1, axis=0)]
    return sideways if tallness >= _VERY_TALL else [corners, *sideways]


def _size(corners: Corners) -> tuple[float, float]:
    """Width and height in pixels, one at least."""
    top_left, top_right, bottom_right, bottom_left = corners
    width = max(np.hypot(*(top_left - top_right)), np.hypot(*(bottom_left - bottom_right)), 1)
    height = max(np.hypot(*(top_left - bottom_left)), np.hypot(*(top_right - bottom_right)), 1)
    return float(width), float(height)


def _aspect(corners: Corners) -> float:
    width, height = _size(corners)
    return width / height


def _straightened(image: NDArray[np.uint8], corners: Corners) -> NDArray[np.uint8]:
    """The text upright. Small text is enlarged here, at once and smoothly, to what is wanted."""
    width, height = _size(corners)
    enlarged = max(1.0, _LINE_HEIGHT / height)
    rows = round(height * enlarged)
    columns = min(round(width * enlarged * _STRETCHED), _LONGEST_LINE)
    target = np.array([(0, 0), (columns, 0), (columns, rows), (0, rows)], np.float32)
    return known_uint8(
        cv2.warpPerspective(
            image,
            cv2.getPerspectiveTransform(corners, target),
            (columns, rows),
            flags=cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_REPLICATE,
        )
    )


def _picture_with_text() -> NDArray[np.uint8]:
    picture = np.full((64, 256, 3), 255, np.uint8)
    cv2.putText(picture, "Text 123", (20, 44), cv2.FONT_HERSHEY_SIMPLEX, 1.2, (0, 0, 0), 2)
    return picture
