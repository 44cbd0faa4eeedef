"""For the tests of a mesh and of what is built on one."""

from __future__ import annotations

from thinkimg_rpc.testing.echo import Echo

__all__ = ["Echo"]
