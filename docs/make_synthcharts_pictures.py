"""Draw the contact sheets of docs/synthcharts.md: each family's charts, whole and as seen.

python docs/make_synthcharts_pictures.py [FOLDER] [SEED]
"""

from __future__ import annotations

import sys
import textwrap
from collections import Counter
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from thinkimg_agent.sample import Sample
from thinkimg_eval.synthcharts.asked import Family
from thinkimg_eval.synthcharts.plan import ChartPlan
from thinkimg_eval.synthcharts.samples import ChartSamples
from thinkimg_eval.synthcharts.view import VIEWS, seen
from thinkimg_rpc.imaging.codec import decode

_FOLDER = Path(__file__).parent / "pictures" / "synthcharts"
_COLUMNS, _ROWS = 2, 2
_VIEW_ENLARGED = 2
_TEXT_PX, _MARGIN = 52, 12
_COLORS = 256
"""Of a sheet, which keeps its file small."""


def contact_sheet(family: Family, samples: ChartSamples) -> Image.Image:
    """Four questions of a family, each about another kind of chart where there are as many."""
    cells = [_cell(samples[index]) for index in _chosen(family, samples)]
    rows = [cells[start : start + _COLUMNS] for start in range(0, len(cells), _COLUMNS)]
    widths = [max(cell.width for cell in column) for column in zip(*rows, strict=True)]
    heights = [max(cell.height for cell in row) for row in rows]
    sheet = Image.new("RGB", (sum(widths), sum(heights)), "#d0d0d0")
    for row, cells_of_row in enumerate(rows):
        for column, cell in enumerate(cells_of_row):
            sheet.paste(cell, (sum(widths[:column]), sum(heights[:row])))
    return sheet.quantize(_COLORS, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)


def _cell(sample: Sample) -> Image.Image:
    """A question, the chart at full size and, beside it, all that a policy sees of it."""
    pixels = decode(sample.images[0], max_pixels=1 << 24)
    assert sample.max_image_pixels is not None
    whole, view = Image.fromarray(pixels), Image.fromarray(seen(pixels, sample.max_image_pixels))
    size = view.width * _VIEW_ENLARGED, view.height * _VIEW_ENLARGED
    view = view.resize(size, Image.Resampling.NEAREST)
    width = whole.width + view.width + 3 * _MARGIN
    cell = Image.new("RGB", (width, whole.height + _TEXT_PX + _MARGIN), "#d0d0d0")
    text = f"{sample.question}   Answer: {sample.truth}"
    font = ImageFont.load_default(18)
    lines = textwrap.fill(text, width // 9)
    ImageDraw.Draw(cell).multiline_text((_MARGIN, 6), lines, fill="black", font=font)
    cell.paste(whole, (_MARGIN, _TEXT_PX))
    cell.paste(view, (2 * _MARGIN + whole.width, _TEXT_PX))
    return cell


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


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else _FOLDER
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    folder.mkdir(parents=True, exist_ok=True)
    samples = ChartSamples("dev", seed, VIEWS["small"])
    for family in Family:
        contact_sheet(family, samples).save(folder / f"{family.value}.png", optimize=True)


if __name__ == "__main__":
    main()
