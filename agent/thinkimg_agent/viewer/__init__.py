"""A run as a page to look at: questions, thoughts, calls, and what the tools saw."""

from __future__ import annotations

from thinkimg_agent.viewer.page import run_page, write_page, write_part

__all__ = ["run_page", "write_page", "write_part"]
