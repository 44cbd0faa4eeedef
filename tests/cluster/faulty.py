"""A tool that wants more memory than there is."""

from __future__ import annotations

import resource

from thinkimg_rpc.testing.echo import Echo

ROOM = 1 << 30


class Greedy(Echo):
    def setup(self) -> None:
        resource.setrlimit(resource.RLIMIT_AS, (ROOM, ROOM))
        self.weights = bytearray(2 * ROOM)
