"""The name of an encoded image: what makes "send the bytes once" possible."""

from __future__ import annotations

import hashlib


def digest_of(data: bytes | bytearray | memoryview) -> str:
    """The sha256 of an encoded file, in lower-case hexadecimal (64 characters)."""
    return hashlib.sha256(data).hexdigest()
