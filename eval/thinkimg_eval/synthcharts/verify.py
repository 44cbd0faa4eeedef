"""Are the truths true? `python -m thinkimg_eval.synthcharts.verify`

Draws charts and has the oracle answer every question from the recorded geometry, which it
does without a look at the numbers that the questions were made from.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

from rich.console import Console
from rich.progress import track
from rich.table import Table

from thinkimg_agent.sample import Sample
from thinkimg_eval.synthcharts.oracle import Oracle
from thinkimg_eval.synthcharts.questions import Question
from thinkimg_eval.synthcharts.samples import draw
from thinkimg_eval.synthcharts.splits import askings
from thinkimg_eval.synthcharts.task import score


@dataclass
class Verified:
    """How many questions of each family the oracle answered, and which ones otherwise."""

    asked: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)
    differing: list[str] = field(default_factory=list)
    """Chart, question, truth and the oracle's answer."""


def answered_by_oracle(first_seed: int = 0) -> Iterator[tuple[str, Question, str]]:
    """Every question of the test splits of this seed and those after it, without end, with
    its chart and the oracle's answer; "" where it found none."""
    for seed in count(first_seed):
        for asking in askings("test", seed):
            oracle = Oracle(draw(asking.plan))
            for question in asking.questions:
                try:
                    answer = oracle.answer(question.asked)
                except LookupError:
                    answer = ""
                yield asking.id, question, answer


def verify(questions: int, *, seed: int = 0, show_progress: bool = False) -> Verified:
    """Compare so many truths with what the oracle measures."""
    verified = Verified()
    pairs = zip(range(questions), answered_by_oracle(seed), strict=False)
    for _, (chart, question, answer) in track(pairs, total=questions, disable=not show_progress):
        family = question.asked.family.value
        verified.asked[family] += 1
        if answer and score(answer, as_sample(question)):
            verified.right[family] += 1
        else:
            verified.differing.append(f"{chart}: {question.text} {question.truth} | {answer}")
    return verified


def as_sample(question: Question) -> Sample:
    """A question as the scorer wants it, without its picture."""
    details = {} if question.tolerance is None else {"tolerance": question.tolerance}
    return Sample("", question.text, (), question.truth, question.accepted, details=details)


def main() -> int:
    """Verify and print; 1 if any truth differs."""
    parser = argparse.ArgumentParser(
        prog="python -m thinkimg_eval.synthcharts.verify", description=__doc__
    )
    parser.add_argument("--questions", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0, help="of the first test split")
    options = parser.parse_args()
    verified = verify(options.questions, seed=options.seed, show_progress=True)
    table = Table("", "questions", "the oracle agrees")
    for family, asked in sorted(verified.asked.items()):
        table.add_row(family, str(asked), str(verified.right[family]))
    table.add_row("all", str(verified.asked.total()), str(verified.right.total()))
    console = Console()
    console.print(table)
    for line in verified.differing:
        console.print(line, highlight=False)
    return int(bool(verified.differing))


if __name__ == "__main__":
    sys.exit(main())
