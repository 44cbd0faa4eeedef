"""`make repro-sft`: from the shipped base to the first rows of the table in docs/results.md."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from pathlib import Path

from learning_curves import draw_losses
from reproduction import RESULTS, ROOT, Row, Stages, commit, table, with_one_mesh, write_between

SEEDS = (0, 1, 2)
PICTURE = Path("docs") / "pictures" / "results" / "fine-tuning.png"
KINDS = {"text-sft": "Text-SFT", "sft": "SFT"}
"""The rows that learn from recorded episodes, by the names of their folders."""


def main() -> None:
    began = time.perf_counter()
    stages = Stages()
    rows = asyncio.run(with_one_mesh(stages, rows_of))
    minutes = (time.perf_counter() - began) / 60
    told = f"`make repro-sft` at commit `{commit()}`; this time it took {minutes:.0f} minutes."
    lines = "\n".join(table(rows))
    runs = {kind: [ROOT / stages.work / f"{kind}-{seed}" for seed in SEEDS] for kind in KINDS}
    draw_losses({KINDS[kind]: folders for kind, folders in runs.items()}, ROOT / PICTURE)
    picture = f"![loss of fine-tuning]({PICTURE.relative_to('docs')})"
    write_between(RESULTS, "make repro-sft", f"{told}\n\n{lines}\n\n{picture}")
    print(lines)


def rows_of(stages: Stages) -> list[Row]:
    """The base and what it learns from recorded episodes, beside the planner."""
    stages.collect_lessons()
    # The longest first: at the end none is waited for alone.
    models = [(kind, seed) for kind in reversed(KINDS) for seed in SEEDS]
    jobs = [
        *(partial(tuned_and_asked, stages, kind, seed) for kind, seed in models),
        partial(stages.answered, None, "planner"),
        partial(stages.answered, stages.base, "base"),
    ]
    *answers, planner, base = stages.all_of(jobs)
    told = dict(zip(models, answers, strict=True))
    return [
        Row("most common answer", [stages.common_answers(planner)], learned=False),
        Row("base, zero-shot", [base]),
        *(Row(name, [told[kind, seed] for seed in SEEDS]) for kind, name in KINDS.items()),
        Row("planner", [planner], learned=False),
    ]


def tuned_and_asked(stages: Stages, kind: str, seed: int) -> Path:
    """The folder of what a model answers that was fine-tuned in this way, from this seed."""
    model = stages.fine_tuned(kind, seed)
    return stages.answered(model, f"{kind}-{seed}", tools=kind == "sft")


if __name__ == "__main__":
    main()
