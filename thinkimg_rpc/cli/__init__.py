"""The `thinkimg` command."""

from __future__ import annotations

from thinkimg_rpc.cli.program import main

__all__ = ["main"]
