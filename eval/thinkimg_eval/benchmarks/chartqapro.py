"""ChartQAPro: five kinds of questions about charts, infographics and dashboards."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from thinkimg_agent.sample import Sample
from thinkimg_eval.benchmarks.chartqapro_score import chartqapro_score
from thinkimg_eval.benchmarks.lazy import LazySamples
from thinkimg_eval.benchmarks.pictures import encoded
from thinkimg_eval.benchmarks.source import Source
from thinkimg_eval.task import Task

SOURCE = Source("ahmed-masry/ChartQAPro", "the folder of its parquet files")
CONVERSATIONAL = "Conversational"
_SHORT = (
    "Answer with a single word, number or phrase, without units, but with million, B, K and "
    "the like as the chart has them."
)
_FORMS = {
    "Factoid": _SHORT,
    "Hypothetical": _SHORT,
    CONVERSATIONAL: _SHORT,
    "Multi Choice": "Answer with the letter of the right option only: a, b, c or d.",
    "Fact Checking": "Say of this statement whether it is true or false, in that one word.",
}
PROMPT = (
    "Write several answers as ['answer 1', 'answer 2']. If the image does not tell, answer "
    "unanswerable."
)


def chartqapro(*, path: Path | None = None, split: str = "test") -> Task:
    """1,948 questions of five kinds, scored as its authors do.

    5% for numbers, exact for years, ANLS for text, item by item for lists.
    """
    rows = SOURCE.hub_rows(split) if path is None else SOURCE.parquet_rows(path, split)
    if rows is None:
        raise SOURCE.missing(f"{path} has no {split}*.parquet")
    return Task(
        name="chartqapro",
        version="1",
        samples=LazySamples(rows, _sample),
        scorer=chartqapro_score,
        prompt=PROMPT,
    )


def _sample(index: int, row: Any) -> Sample:
    """Of Question, Answer and Year, a list each; a conversation asks the last question."""
    kind, years = row["Question Type"], row["Year"]
    return Sample(
        id=f"chartqapro-{index}",
        question=_question(kind, row["Question"], row["Answer"], row["Paragraph"] or ""),
        images=(encoded(row["image"]),),
        truth=row["Answer"][-1].strip(".").strip("\n"),
        category=kind,
        details={
            "years": [flag.upper() == "YES" for flag in years][-1:]
            if kind == CONVERSATIONAL
            else [flag.upper() == "YES" for flag in years]
        },
    )


def _question(kind: str, questions: Sequence[str], answers: Sequence[str], paragraph: str) -> str:
    said = [
        f"{who}: {text.strip()}"
        for turn in zip(questions[:-1], answers[:-1], strict=False)
        for who, text in zip("QA", turn, strict=True)
    ]
    parts = [paragraph.strip(), "\n".join(said), questions[-1].strip(), _FORMS.get(kind, _SHORT)]
    return "\n".join(part for part in parts if part)
