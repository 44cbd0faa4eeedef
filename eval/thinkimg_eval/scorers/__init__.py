"""How answers are scored: one module a rule, pure functions of (answer, sample).

Each takes the answer as the model wrote it and gives 0 to 1; what each means,
with examples, is in docs/scorers.md.
"""

from thinkimg_eval.scorers.exact import exact
from thinkimg_eval.scorers.extract import extract
from thinkimg_eval.scorers.relaxed import relaxed

__all__ = ["exact", "extract", "relaxed"]
