"""Scorers by the names that options give them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from thinkimg_agent.sample import Sample
from thinkimg_eval.scorers.anls import anls
from thinkimg_eval.scorers.choice import choice
from thinkimg_eval.scorers.exact import exact
from thinkimg_eval.scorers.legacy import openthinkimg_fuzzy
from thinkimg_eval.scorers.mathematics import math
from thinkimg_eval.scorers.relaxed import relaxed
from thinkimg_rpc.errors import InvalidRequest

SCORERS: Mapping[str, Callable[[str, Sample], float]] = {
    "exact": exact,
    "relaxed": relaxed,
    "choice": choice,
    "math": math,
    "anls": anls,
    "openthinkimg_fuzzy": openthinkimg_fuzzy,
}


def scorer_named(name: str) -> Callable[[str, Sample], float]:
    """Raises: InvalidRequest, naming the ones there are."""
    try:
        return SCORERS[name]
    except KeyError:
        known = ", ".join(SCORERS)
        raise InvalidRequest.field("scorer", f'"{name}" is none; there are {known}') from None
