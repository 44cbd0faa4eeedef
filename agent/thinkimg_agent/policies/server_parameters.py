"""What a server takes of what it is sent, learnt from what it refuses.

Servers agree on messages and disagree on what stands beside them: reasoning models
want `max_completion_tokens` where all others want `max_tokens`, and take no
temperature at all.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any

import openai

_SPARED = frozenset({"max_tokens", "temperature", "top_p", "seed", "logprobs", "stream_options"})
"""What an episode can do without, or has another name."""
_REFUSAL = re.compile(r"[Uu]nsupported (?:parameter|value): '(\w+)'")
_CODES = frozenset({"unsupported_parameter", "unsupported_value"})
_log = logging.getLogger(__name__)


class ServerParameters:
    """Those that one model of one server takes."""

    def __init__(self) -> None:
        self._refused: set[str] = set()

    def of(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """A request without what was refused before."""
        taken = {name: value for name, value in request.items() if name not in self._refused}
        if "max_tokens" in self._refused and "max_tokens" in request:
            taken["max_completion_tokens"] = request["max_tokens"]
        return taken

    def learn(self, refusal: openai.BadRequestError, asked: Mapping[str, Any]) -> bool:
        """Whether asking again without what was refused may succeed."""
        name = _refused_by(refusal)
        if name not in _SPARED or name not in asked:
            return False
        if name not in self._refused:
            self._refused.add(name)
            _log.warning("the server takes no %s, and goes without it from now on", name)
        return True


def _refused_by(refusal: openai.BadRequestError) -> str | None:
    if refusal.code in _CODES and refusal.param:
        return refusal.param
    found = _REFUSAL.search(refusal.response.text)
    return found[1] if found else None
