"""Numbered marks on an image, readable on any background."""

from __future__ import annotations

from collections.abc import Sequence

import cv2

from thinkimg_rpc.imaging.rgb import Pixels
from thinkimg_workers.pointing.pointer import Pointed

_RED, _WHITE, _BLACK = (230, 0, 60), (255, 255, 255), (0, 0, 0)
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_SUBPIXEL_BITS = 4
Rectangle = tuple[int, int, int, int]
"""x0, y0, x1, y1 in whole pixels."""


def draw_marks(pixels: Pixels, points: Sequence[Pointed]) -> Pixels:
    """A copy of (H, W, 3) pixels with a ring around each point, numbered from 1.

    Rings leave what is pointed at visible. They are red between black and white, and
    numbers are white in black, so that they stand out from whatever is below. Numbers
    do not cover each other or another ring while there is room.
    """
    marked = pixels.copy()
    radius = mark_radius(pixels)
    for point in points:
        _draw_ring(marked, point, radius)
    taken = [_around(point, radius) for point in points]
    for number, point in enumerate(points, 1):
        taken.append(_draw_number(marked, str(number), point, radius, taken))
    return marked


def mark_radius(pixels: Pixels) -> int:
    """Of the rings, in pixels: seen at a glance in a large image, small in a small one."""
    longest: int = max(pixels.shape[:2])
    return max(6, round(longest / 70))


def _draw_ring(pixels: Pixels, point: Pointed, radius: int) -> None:
    # A point (x, y) lies in the pixel whose middle OpenCV calls (x - 0.5, y - 0.5).
    subpixels = 1 << _SUBPIXEL_BITS
    center = (round((point.x - 0.5) * subpixels), round((point.y - 0.5) * subpixels))
    width = max(1, radius // 4)
    for color, thickness in ((_BLACK, width + 4), (_WHITE, width + 2), (_RED, width)):
        cv2.circle(
            pixels, center, radius * subpixels, color, thickness, cv2.LINE_AA, _SUBPIXEL_BITS
        )


def _draw_number(
    pixels: Pixels, text: str, point: Pointed, radius: int, taken: Sequence[Rectangle]
) -> Rectangle:
    """Beside the ring, where nothing else is drawn. Returns where."""
    scale = max(0.35, radius / 18)
    thickness = max(1, round(scale * 1.5))
    (width, height), below = cv2.getTextSize(text, _FONT, scale, thickness)
    margin = max(1, radius // 4)
    box = _free_place(
        (width + 2 * margin, height + below + 2 * margin), point, radius, pixels, taken
    )
    cv2.rectangle(pixels, box[:2], (box[2] - 1, box[3] - 1), _BLACK, cv2.FILLED)
    base = (box[0] + margin, box[3] - margin - below)
    cv2.putText(pixels, text, base, _FONT, scale, _WHITE, thickness, cv2.LINE_AA)
    return box


def _free_place(
    size: tuple[int, int],
    point: Pointed,
    radius: int,
    pixels: Pixels,
    taken: Sequence[Rectangle],
) -> Rectangle:
    """The first of the places around a point that is in the image and free; else the first."""
    width, height = size
    x, y, away = round(point.x), round(point.y), radius + max(1, radius // 2)
    corners = [
        (x + away, y - away - height),
        (x + away, y + away),
        (x - away - width, y - away - height),
        (x - away - width, y + away),
        (x + away, y - height // 2),
        (x - away - width, y - height // 2),
        (x - width // 2, y - away - height),
        (x - width // 2, y + away),
    ]
    image_height, image_width = pixels.shape[:2]
    places = [(x0, y0, x0 + width, y0 + height) for x0, y0 in corners]
    inside = [p for p in places if _within(p, image_width, image_height)]
    free = [p for p in inside if not any(_overlap(p, other) for other in taken)]
    return (free or inside or places)[0]


def _around(point: Pointed, radius: int) -> Rectangle:
    x, y = round(point.x), round(point.y)
    return x - radius, y - radius, x + radius, y + radius


def _within(place: Rectangle, width: int, height: int) -> bool:
    return place[0] >= 0 and place[1] >= 0 and place[2] <= width and place[3] <= height


def _overlap(one: Rectangle, other: Rectangle) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
