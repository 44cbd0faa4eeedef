"""Finding the parts of a message that are of one type, wherever they stand in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

Find = Callable[[Any], Iterator[Any]]


@lru_cache(maxsize=256)
def find_messages(descriptor: Descriptor, full_name: str) -> Find:
    """A function that yields the set parts of a message that are of one type, at any depth."""
    if descriptor.full_name == full_name:
        return lambda message: iter((message,))
    inner: list[tuple[Callable[[Any], Iterable[Any]], Find]] = []
    for field in descriptor.fields:
        kind = field.message_type
        if kind is not None and _contains(kind, full_name, set()):
            if is_map := kind.GetOptions().map_entry:
                kind = kind.fields_by_name["value"].message_type
            assert kind is not None
            inner.append((_parts(field, is_map=is_map), find_messages(kind, full_name)))

    def find(message: Any) -> Iterator[Any]:
        for parts, find_inner in inner:
            for part in parts(message):
                yield from find_inner(part)

    return find


def _parts(field: FieldDescriptor, *, is_map: bool) -> Callable[[Any], Iterable[Any]]:
    """A function that gives the messages in a field of a message: none, one or many."""
    name = field.name
    if is_map:
        return lambda message: getattr(message, name).values()
    if field.is_repeated:
        return lambda message: getattr(message, name)
    return lambda message: (getattr(message, name),) if message.HasField(name) else ()


def _contains(descriptor: Descriptor, full_name: str, seen: set[str]) -> bool:
    if descriptor.full_name == full_name:
        return True
    if descriptor.full_name in seen:
        return False
    seen.add(descriptor.full_name)
    return any(
        _contains(field.message_type, full_name, seen)
        for field in descriptor.fields
        if field.message_type is not None
    )
