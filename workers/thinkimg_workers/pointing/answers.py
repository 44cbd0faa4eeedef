"""Points in what models write, each family in its own format and units.

The units are a property of the family, never guessed from the numbers: 500 may be half
of the width, or a pixel. What is read is a `Spot`: fractions of the image that the model
was shown, 0 to 1 from the left and from the top.

Sources: the model cards of Molmo (arXiv 2409.17146) and Molmo 2; the grounding cookbooks
of Qwen2.5-VL (arXiv 2502.13923) and Qwen3-VL.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from thinkimg_workers.pointing.pointer import Pointed

PER_CENT = 100.0
PER_MILLE = 1000.0

_NUMBER = r"-?\d{1,9}(?:\.\d{1,9})?"
_TAG = re.compile(r"<(?:points?|tracks)\b[^<>]*")
_COORDS = re.compile(r"\bcoords\s*=\s*\"([^\"]*)(\"?)")
_X_AND_Y = re.compile(rf"\bx(\d*)\s*=\s*\"\s*({_NUMBER})\s*\"\s*y\1\s*=\s*\"\s*({_NUMBER})\s*\"")
_JSON_PLACE = re.compile(
    rf"\"(?P<kind>point_2d|bbox_2d)\"\s*:\s*\[(?P<numbers>(?:\s*\"?{_NUMBER}\"?\s*,?){{2,4}})\s*\]"
)
_BOX_TOKENS = re.compile(
    rf"\(\s*({_NUMBER})\s*,\s*({_NUMBER})\s*\)(?:\s*,\s*\(\s*({_NUMBER})\s*,\s*({_NUMBER})\s*\))?"
)


class Spot(NamedTuple):
    """A place in a picture as fractions of its width and height."""

    x: float
    y: float


def spots_of_molmo(text: str) -> list[Spot]:
    """Molmo 2 writes `<points coords="1 1 123 456 2 234 567">`: the image's number, then for
    each point its number, x and y in thousandths. Molmo 1 writes `<point x="12.3" y="45.6">`
    or `<points x1=... y1=... x2=...>` in hundredths."""
    return [spot for tag in _TAG.finditer(text) for spot in _in_molmo_tag(tag.group())]


def spots_of_json(text: str, unit_x: float, unit_y: float) -> list[Spot]:
    """`{"point_2d": [x, y]}` in any list, fence or sentence; of a `bbox_2d` its middle.

    Read piece by piece, so that an answer cut off at its longest keeps what is whole.
    """
    spots = []
    for found in _JSON_PLACE.finditer(text):
        numbers = [float(number) for number in re.findall(_NUMBER, found["numbers"])]
        if len(numbers) == (2 if found["kind"] == "point_2d" else 4):
            x, y = _middle(numbers)
            spots.append(Spot(x / unit_x, y / unit_y))
    return spots


def spots_of_qwen2(text: str) -> list[Spot]:
    """As JSON, or as Qwen2-VL was taught, `(x0,y0),(x1,y1)`, of which the middle; thousandths."""
    if spots := spots_of_json(text, PER_MILLE, PER_MILLE):
        return spots
    written = ([float(n) for n in found if n] for found in _BOX_TOKENS.findall(text))
    return [Spot(x / PER_MILLE, y / PER_MILLE) for x, y in map(_middle, written)]


def points_in_image(
    spots: Iterable[Spot],
    *,
    shown: tuple[float, float],
    image: tuple[int, int],
    score: float,
) -> tuple[Pointed, ...]:
    """Spots to pixels of the image; those outside and repeated ones are left out.

    Args:
        shown: width and height, in pixels of the image, of what the model saw: larger
            than the image where a narrow one was continued.
        image: its width and height.
    """
    points = [
        Pointed(_inside(x * shown[0], image[0]), _inside(y * shown[1], image[1]), score)
        for x, y in spots
        if 0 <= x * shown[0] <= image[0] and 0 <= y * shown[1] <= image[1]
    ]
    return tuple(dict.fromkeys(points))


def _in_molmo_tag(tag: str) -> Iterator[Spot]:
    if coords := _COORDS.search(tag):
        content, closing_quote = coords.groups()
        for of_image in re.split(r"[\t:;,]", content):
            numbers = re.findall(_NUMBER, of_image)
            if not closing_quote:  # cut off: the last number may lack digits
                numbers = numbers[:-1]
            # The image's number, then triples.
            for x, y in zip(numbers[2::3], numbers[3::3], strict=False):
                yield Spot(float(x) / PER_MILLE, float(y) / PER_MILLE)
        return
    for _, x, y in _X_AND_Y.findall(tag):
        yield Spot(float(x) / PER_CENT, float(y) / PER_CENT)


def _middle(numbers: list[float]) -> tuple[float, float]:
    """Of two corners, x0 y0 x1 y1; of one point, itself."""
    if len(numbers) == 2:
        return numbers[0], numbers[1]
    return (numbers[0] + numbers[2]) / 2, (numbers[1] + numbers[3]) / 2


def _inside(position: float, length: int) -> float:
    """The far edge itself belongs to no pixel: it becomes the middle of the last one."""
    return position if position < length else length - 0.5
