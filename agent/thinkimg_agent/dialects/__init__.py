"""Dialects: how tool calls and answers look in a model's text."""

from __future__ import annotations

from thinkimg_agent.dialects.dialect import Dialect
from thinkimg_agent.dialects.hermes import BriefHermesDialect, HermesDialect
from thinkimg_agent.dialects.native import NativeDialect
from thinkimg_agent.dialects.openthinkimg import OpenThinkImgDialect

DIALECTS: dict[str, type[Dialect]] = {
    "openthinkimg": OpenThinkImgDialect,
    "hermes": HermesDialect,
    "hermes-brief": BriefHermesDialect,
    "native": NativeDialect,
}

__all__ = [
    "DIALECTS",
    "BriefHermesDialect",
    "Dialect",
    "HermesDialect",
    "NativeDialect",
    "OpenThinkImgDialect",
]
