"""`make repro-sft`: from the shipped base to the first rows of the table in docs/results.md."""

from __future__ import annotations

import time

from reproduction import RESULTS, Row, Stages, commit, table, write_between

SEEDS = (0, 1, 2)


def main() -> None:
    began = time.perf_counter()
    stages = Stages()
    rows = rows_of(stages)
    minutes = (time.perf_counter() - began) / 60
    told = f"`make repro-sft` at commit `{commit()}`; this time it took {minutes:.0f} minutes."
    lines = "\n".join(table(rows))
    write_between(RESULTS, "make repro-sft", f"{told}\n\n{lines}")
    print(lines)


def rows_of(stages: Stages) -> list[Row]:
    """The base and what it learns from recorded episodes, beside the planner."""
    stages.collect_lessons()
    text = [stages.fine_tuned("text-sft", seed) for seed in SEEDS]
    tools = [stages.fine_tuned("sft", seed) for seed in SEEDS]
    return [
        Row("base, zero-shot", [stages.answered(stages.base, "base")]),
        Row(
            "Text-SFT",
            [
                stages.answered(model, f"text-sft-{seed}", tools=False)
                for seed, model in zip(SEEDS, text, strict=True)
            ],
        ),
        Row(
            "SFT",
            [
                stages.answered(model, f"sft-{seed}")
                for seed, model in zip(SEEDS, tools, strict=True)
            ],
        ),
        Row("planner", [stages.answered(None, "planner")]),
    ]


if __name__ == "__main__":
    main()
