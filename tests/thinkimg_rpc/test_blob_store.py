"""Encoded images by digest, in a bounded number of bytes."""

from __future__ import annotations

from thinkimg_rpc.blobs import BlobStore


def test_the_store_drops_what_was_used_least_recently() -> None:
    store = BlobStore(10)
    for name in "abc":
        store.put(name, b"1234"[: 4 if name != "c" else 2])
    assert store.get("a") == b"1234"
    store.put("d", b"1234")

    assert [name for name in "abcd" if name in store] == ["a", "c", "d"]


def test_the_store_does_not_keep_what_is_larger_than_itself() -> None:
    store = BlobStore(3)
    store.put("small", b"123")
    store.put("large", b"1234")

    assert "small" in store
    assert store.get("large") is None


def test_putting_an_image_again_costs_no_room() -> None:
    store = BlobStore(8)
    for _ in range(5):
        store.put("a", b"1234")
    store.put("b", b"1234")

    assert store.get("a") == store.get("b") == b"1234"
