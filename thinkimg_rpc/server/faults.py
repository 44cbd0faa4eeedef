"""What a caller hears when a tool has a bug."""

from __future__ import annotations

import logging

from thinkimg_rpc.errors import InternalFault

logger = logging.getLogger(__name__)


def fault_of(error: BaseException, tool: str, worker_id: str) -> InternalFault:
    """INTERNAL, in the caller's words, for an exception of a tool; the log gets the traceback.

    Also for SystemExit and the like: a tool must not take the worker down.
    """
    logger.error("tool_failed", extra={"tool": tool}, exc_info=error)
    return InternalFault(
        f"{tool} failed in worker {worker_id}: {type(error).__name__}: {_words_of(error)}"
    )


def _words_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as unprintable:
        return f"(its message cannot be had: {type(unprintable).__name__})"
