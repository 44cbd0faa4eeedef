"""The fenced code blocks of a Markdown page, with what their info strings say of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))

_FENCE = re.compile(r"```(?P<info>.*)")
_TITLE = re.compile(r'title="(?P<title>[^"]+)"')
_NOT_RUN = re.compile(r"<!-- not run:(?P<reason>.*)-->")


@dataclass(frozen=True)
class Block:
    """One fenced block: ```LANGUAGE WORDS title="FILE"."""

    page: str
    line: int
    """Of the opening fence, from 1."""
    language: str
    words: tuple[str, ...]
    title: str
    """The file it is to be written to; "" for none."""
    not_run: str | None
    """Why it is not run; None if it is."""
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def in_background(self) -> bool:
        return "background" in self.words


def blocks_of(page: Path) -> list[Block]:
    """The blocks of a page, in order. Raises: ValueError, when a fence is not closed."""
    return list(_blocks(page.name, page.read_text().splitlines()))


def _blocks(page: str, lines: list[str]) -> Iterator[Block]:
    numbered = iter(enumerate(lines, 1))
    before = ""
    for number, line in numbered:
        if fence := _FENCE.fullmatch(line):
            yield _block(page, number, fence["info"], before, _body(page, number, numbered))
        before = line


def _body(page: str, opened_at: int, lines: Iterator[tuple[int, str]]) -> str:
    body: list[str] = []
    for _, line in lines:
        if line == "```":
            return "".join(f"{text}\n" for text in body)
        body.append(line)
    raise ValueError(f"{page}:{opened_at}: the block is not closed")


def _block(page: str, line: int, info: str, before: str, text: str) -> Block:
    title = _TITLE.search(info)
    language, *words = _TITLE.sub("", info).split() or [""]
    not_run = _NOT_RUN.fullmatch(before)
    return Block(
        page=page,
        line=line,
        language=language,
        words=tuple(words),
        title=title["title"] if title else "",
        not_run=not_run["reason"].strip() if not_run else None,
        text=text,
    )
