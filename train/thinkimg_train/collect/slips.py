"""Calls that go wrong as a model's do: such that fail, and such that look at a wrong place.

What is said afterwards follows from the two calls alone, the wrong one and the right
one, so that it is true whatever the reason was.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from thinkimg_agent.coordinates import CoordinateSpace
from thinkimg_agent.images import EpisodeImage
from thinkimg_agent.reply import WrittenCall

_OTHER_NAMES: Mapping[str, str] = {
    "image": "img",
    "box": "bbox",
    "query": "text",
    "x": "x_value",
    "y": "y_value",
    "scale": "zoom",
}
"""What models call arguments that are called otherwise."""

_LEAST_OVERLAP = 0.1
_LINE_OFF = (0.1, 0.25)
"""How far from its place a line is drawn at first, of the image."""


@dataclass(frozen=True)
class Slip:
    """A call that goes wrong on purpose, in place of the right one."""

    kind: Literal["mistake", "detour"]
    wrong: WrittenCall
    right: WrittenCall
    why: str
    """What can be said of it once its result is there."""


@dataclass(frozen=True)
class Frame:
    """The image a call is about, and how places in it are written."""

    width: float
    """What the right edge is called."""
    height: float
    decimals: int

    @classmethod
    def of(cls, image: EpisodeImage, space: CoordinateSpace) -> Frame:
        width, height = (space.full,) * 2 if space.full is not None else (None, None)
        return cls(
            width or float(image.view.shown_width),
            height or float(image.view.shown_height),
            space.decimals,
        )

    def write(self, value: float) -> float:
        return round(value) if self.decimals == 0 else round(value, self.decimals)


def mistake_in(call: WrittenCall, frame: Frame, random_: random.Random) -> Slip | None:
    """The call as one that no tool accepts; None if it leaves nothing to get wrong."""
    if not isinstance(call.arguments, dict) or not call.arguments:
        return None
    ways = [_other_argument, _other_tool, _outside]
    random_.shuffle(ways)
    return next((slip for way in ways if (slip := way(call, frame, random_))), None)


def detour_before(call: WrittenCall, frame: Frame, random_: random.Random) -> Slip | None:
    """A crop or a line at another place of the image; None where there is no such call."""
    if not isinstance(call.arguments, dict):
        return None
    if call.name == "Crop" and isinstance(call.arguments.get("box"), dict):
        return _crop_elsewhere(call, call.arguments, frame, random_)
    axis = {"DrawHorizontalLineByY": "y", "DrawVerticalLineByX": "x"}.get(call.name)
    if axis in call.arguments:
        return _line_elsewhere(call, call.arguments, str(axis), frame, random_)
    return None


def _other_argument(call: WrittenCall, frame: Frame, random_: random.Random) -> Slip | None:
    assert isinstance(call.arguments, dict)
    name = random_.choice(sorted(call.arguments))
    other = _OTHER_NAMES.get(name, f"{name}s")
    arguments = {other if key == name else key: call.arguments[key] for key in call.arguments}
    why = f'There is no argument "{other}": it is called "{name}".'
    return Slip("mistake", replace(call, arguments=arguments), call, why)


def _other_tool(call: WrittenCall, frame: Frame, random_: random.Random) -> Slip | None:
    other = f"{call.name}Tool"
    why = f"There is no tool {other}: it is called {call.name}."
    return Slip("mistake", replace(call, name=other), call, why)


def _outside(call: WrittenCall, frame: Frame, random_: random.Random) -> Slip | None:
    assert isinstance(call.arguments, dict)
    arguments = dict(call.arguments)
    if isinstance(box := arguments.get("box"), dict) and {"x1", "y1"} <= box.keys():
        side, far = random_.choice((("x1", frame.width), ("y1", frame.height)))
        arguments["box"] = {**box, side: frame.write(far * random_.uniform(1.05, 1.3))}
    elif "y" in arguments:
        arguments["y"] = frame.write(frame.height * random_.uniform(1.05, 1.3))
    elif "x" in arguments:
        arguments["x"] = frame.write(frame.width * random_.uniform(1.05, 1.3))
    else:
        return None
    why = "That is outside the image: I stay inside."
    return Slip("mistake", replace(call, arguments=arguments), call, why)


def _crop_elsewhere(
    call: WrittenCall, arguments: dict[str, Any], frame: Frame, random_: random.Random
) -> Slip | None:
    box = arguments["box"]
    if not {"x0", "y0", "x1", "y1"} <= box.keys():
        return None
    width, height = box["x1"] - box["x0"], box["y1"] - box["y0"]
    places = []
    for back, x, y in (("right", -1, 0), ("left", 1, 0), ("down", 0, -1), ("up", 0, 1)):
        x0 = min(max(box["x0"] + x * width, 0.0), frame.width - width)
        y0 = min(max(box["y0"] + y * height, 0.0), frame.height - height)
        shared = max(0.0, width - abs(x0 - box["x0"])) * max(0.0, height - abs(y0 - box["y0"]))
        if shared <= _LEAST_OVERLAP * width * height:
            corners = {"x0": x0, "y0": y0, "x1": x0 + width, "y1": y0 + height}
            places.append((back, {key: frame.write(value) for key, value in corners.items()}))
    if not places:
        return None
    back, elsewhere = random_.choice(places)
    wrong = replace(call, arguments={**arguments, "box": elsewhere})
    where = {"up": "higher up", "down": "further down"}.get(back, f"further to the {back}")
    return Slip("detour", wrong, call, f"That is not the place: it is {where}.")


def _line_elsewhere(
    call: WrittenCall,
    arguments: dict[str, Any],
    axis: str,
    frame: Frame,
    random_: random.Random,
) -> Slip | None:
    right, far = float(arguments[axis]), frame.height if axis == "y" else frame.width
    off = far * random_.uniform(*_LINE_OFF)
    step = 10.0**-frame.decimals
    places = [place for place in (right - off, right + off) if step <= place <= far - step]
    if not places:
        return None
    place = frame.write(random_.choice(places))
    words = ("high", "lower") if axis == "y" else ("far to the left", "further to the right")
    if place > right:
        words = ("low", "higher") if axis == "y" else ("far to the right", "further to the left")
    wrong = replace(call, arguments={**arguments, axis: place})
    return Slip("detour", wrong, call, f"That line is too {words[0]}: it belongs {words[1]}.")
