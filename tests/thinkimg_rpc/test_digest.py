from __future__ import annotations

from thinkimg_rpc.digest import digest_of


def test_a_digest_is_the_sha256_in_lower_case_hexadecimal() -> None:
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert digest_of(b"abc") == digest_of(bytearray(b"abc")) == known
