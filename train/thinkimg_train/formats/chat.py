"""A conversation about images, in whatever format it is written."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Literal

from thinkimg_rpc.digest import digest_of

MARK = "<image>"
"""Where an image stands in a text."""
_LITERAL = "< image>"


@dataclass(frozen=True)
class ChatMessage:
    """One message; each MARK in its text stands for the next image of the chat."""

    role: Literal["system", "user", "assistant"]
    text: str
    where: str = ""
    """Its field, for people."""

    @property
    def marks(self) -> int:
        return self.text.count(MARK)


@dataclass(frozen=True)
class Chat:
    """Messages, and the images that their marks stand for, encoded."""

    messages: tuple[ChatMessage, ...]
    images: tuple[bytes, ...] = field(default=(), repr=False)

    @property
    def marks(self) -> int:
        return sum(message.marks for message in self.messages)


def with_images_in_place(chat: Chat, mended: Counter[str]) -> Chat:
    """As many marks as images, where that can be had without guessing.

    Known blemishes are put right and counted: marks in what the assistant says, where no
    image can be; an image that a message has several times; images listed several times
    in a row; marks of a message beyond its first, where images are too few. If numbers
    still differ, the chat comes back as it is then.
    """
    chat = _without_assistants_marks(chat, mended)
    chat = _without_doubled_images(chat, mended)
    if chat.marks > len(chat.images):
        chat = _without_doubled_marks(chat, mended)
    return chat


def without_literal_marks(text: str, mended: Counter[str]) -> str:
    """A text in which no word can be taken for an image."""
    found = text.count(MARK)
    if found:
        mended[f"{MARK} that was a word, now {_LITERAL}"] += found
    return text.replace(MARK, _LITERAL)


def _without_assistants_marks(chat: Chat, mended: Counter[str]) -> Chat:
    stray = sum(message.marks for message in chat.messages if message.role != "user")
    if not stray:
        return chat
    mended[f"a stray {MARK} where no image can be"] += stray
    return replace(
        chat,
        messages=tuple(
            message
            if message.role == "user"
            else replace(message, text=_without_marks(message.text, keep=0))
            for message in chat.messages
        ),
    )


def _without_doubled_images(chat: Chat, mended: Counter[str]) -> Chat:
    """Images in a row that are the same, where there are more than marks; or where one
    message shows the same image again."""
    images = list(chat.images)
    digests = [digest_of(image) for image in images]
    at = len(images) - 1
    while len(images) > chat.marks and at > 0:
        if digests[at] == digests[at - 1]:
            del images[at], digests[at]
            mended["an image listed twice in a row"] += 1
        at -= 1
    if len(images) != chat.marks:
        return replace(chat, images=tuple(images))
    messages, kept, start = [], list[bytes](), 0
    for message in chat.messages:
        own = digests[start : start + message.marks]
        again = [place for place, digest in enumerate(own) if digest in own[:place]]
        kept += [images[start + place] for place in range(len(own)) if place not in again]
        if again:
            mended["an image shown twice in one message"] += len(again)
            message = replace(message, text=_without_places(message.text, again))
        messages.append(message)
        start += len(own)
    return Chat(tuple(messages), tuple(kept))


def _without_doubled_marks(chat: Chat, mended: Counter[str]) -> Chat:
    too_many = chat.marks - len(chat.images)
    messages = []
    for message in chat.messages:
        drop = min(too_many, message.marks - 1) if message.marks > 1 else 0
        if drop:
            mended[f"a doubled {MARK} without an image"] += drop
            message = replace(message, text=_without_marks(message.text, keep=message.marks - drop))
            too_many -= drop
        messages.append(message)
    return replace(chat, messages=tuple(messages))


def _without_marks(text: str, *, keep: int) -> str:
    return _without_places(text, list(range(keep, text.count(MARK))))


def _without_places(text: str, drop: list[int]) -> str:
    """Without the marks of these numbers, and the line ends that held them apart."""
    places = iter(range(text.count(MARK)))
    return re.sub(rf"{MARK}\n?", lambda match: "" if next(places) in drop else match[0], text)
