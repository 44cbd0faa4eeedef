"""How answers are scored: one module a rule, pure functions of (answer, sample).

Each takes the answer as the model wrote it and gives 0 to 1; what each means,
with examples, is in docs/scorers.md. `judge_of` alone asks a model, and makes a
coroutine function.
"""

from thinkimg_eval.scorers.anls import anls
from thinkimg_eval.scorers.choice import choice
from thinkimg_eval.scorers.exact import exact
from thinkimg_eval.scorers.extract import extract
from thinkimg_eval.scorers.judge import judge_of
from thinkimg_eval.scorers.legacy import openthinkimg_fuzzy
from thinkimg_eval.scorers.mathematics import math
from thinkimg_eval.scorers.named import SCORERS, scorer_named
from thinkimg_eval.scorers.relaxed import relaxed

__all__ = [
    "SCORERS",
    "anls",
    "choice",
    "exact",
    "extract",
    "judge_of",
    "math",
    "openthinkimg_fuzzy",
    "relaxed",
    "scorer_named",
]
