"""Episodes of a random model that use tools all the same."""

from __future__ import annotations

from collections.abc import Sequence

from thinkimg_agent.dialects import HermesDialect
from thinkimg_agent.reply import Reply, WrittenCall
from thinkimg_agent.sample import Sample

from ..mesh_fixtures import png

CROP = WrittenCall(
    "Crop", {"image": "img_1", "box": {"x0": 8, "y0": 4, "x1": 40, "y1": 36}, "scale": 2}
)


class CropAlways(HermesDialect):
    """Whatever a model writes is understood as one and the same call."""

    def parse(self, text: str, calls: Sequence[WrittenCall] = ()) -> Reply:
        return Reply(text, calls=(CROP,))


def sample(number: int = 0) -> Sample:
    return Sample(f"s{number}", f"What is number {number}?", (png(48 + 8 * number, 60),))
