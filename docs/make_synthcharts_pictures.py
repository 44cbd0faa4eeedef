"""Draw the contact sheets of docs/synthcharts.md: each family's charts, whole and as seen.

python docs/make_synthcharts_pictures.py [FOLDER] [SEED]
"""

from __future__ import annotations

import sys
import textwrap
from collections import Counter
from pathlib import Path

import cv2
from PIL import Image, ImageDraw, ImageFont

from thinkimg_agent.sample import Sample
from thinkimg_eval.synthcharts.asked import Family
from thinkimg_eval.synthcharts.plan import ChartPlan
from thinkimg_eval.synthcharts.samples import ChartSamples
from thinkimg_eval.synthcharts.view import VIEWS, seen
from thinkimg_rpc.imaging.codec import decode

_FOLDER = Path(__file__).parent / "pictures" / "synthcharts"
_COLUMNS, _ROWS = 3, 2
_CHART, _VIEW = (420, 330), (210, 330)
"""The room for a chart and beside it for the view of it, in pixels."""
_TEXT_PX, _MARGIN = 48, 8


def contact_sheet(family: Family, samples: ChartSamples) -> Image.Image:
    """Six questions of a family, each about another kind of chart while there are others."""
    font = ImageFont.load_default(14)
    cell = _CHART[0] + _VIEW[0] + 3 * _MARGIN, _CHART[1] + _TEXT_PX + _MARGIN
    sheet = Image.new("RGB", (cell[0] * _COLUMNS, cell[1] * _ROWS), "#d0d0d0")
    draw = ImageDraw.Draw(sheet)
    for place, index in enumerate(_chosen(family, samples)):
        sample = samples[index]
        left, top = place % _COLUMNS * cell[0] + _MARGIN, place // _COLUMNS * cell[1]
        text = f"{sample.question}   Answer: {sample.truth}"
        draw.multiline_text((left, top + 6), textwrap.fill(text, 88), fill="black", font=font)
        top += _TEXT_PX
        whole, view = _pictures(sample)
        sheet.paste(whole, (left, top))
        sheet.paste(view, (left + _CHART[0] + _MARGIN, top))
    return sheet


def _chosen(family: Family, samples: ChartSamples) -> list[int]:
    """One question a chart, and each kind of chart as often as the others where possible."""
    seen_charts: set[ChartPlan] = set()
    times: Counter[str] = Counter()
    ranked = []
    for index, question in enumerate(samples.questions()):
        plan = samples.plan(index)
        if question.asked.family is family and plan not in seen_charts:
            seen_charts.add(plan)
            ranked.append((times[plan.kind], index))
            times[plan.kind] += 1
    return sorted(index for _, index in sorted(ranked)[: _COLUMNS * _ROWS])


def _pictures(sample: Sample) -> tuple[Image.Image, Image.Image]:
    pixels = decode(sample.images[0], max_pixels=1 << 24)
    assert sample.max_image_pixels is not None
    view = Image.fromarray(seen(pixels, sample.max_image_pixels))
    whole = Image.fromarray(pixels)
    whole.thumbnail(_CHART, Image.Resampling.LANCZOS)
    scale = min(_VIEW[0] / view.width, _VIEW[1] / view.height)
    size = round(view.width * scale), round(view.height * scale)
    return whole, view.resize(size, Image.Resampling.NEAREST)


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else _FOLDER
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    folder.mkdir(parents=True, exist_ok=True)
    samples = ChartSamples("dev", seed, VIEWS["small"])
    cv2.setNumThreads(1)
    for family in Family:
        contact_sheet(family, samples).save(folder / f"{family.value}.jpg", quality=82)


if __name__ == "__main__":
    main()
