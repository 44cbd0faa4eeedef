"""All that the page of a batch shows."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Protocol

import torch
from PIL import Image

from thinkimg_agent.messages import images_seen
from thinkimg_agent.policies.chat_tokens import ChatTokens
from thinkimg_agent.trajectory import ImageRecord, Trajectory
from thinkimg_train.bad_data import LeftOut
from thinkimg_train.batches import Batch
from thinkimg_train.inspect.placeholders import spans_of_images
from thinkimg_train.inspect.words import TokenWords
from thinkimg_train.samples import Span

ROLES = ("system", "user", "assistant", "observation", "image", "padding")
_THUMBNAIL = 480
"""The longer side of an image on the page, in pixels."""
_NAMED = 100
"""Of what was left out for one reason."""


class Episodes(Protocol):
    """What the rows of a batch were made of."""

    @property
    def left_out(self) -> list[LeftOut]:
        """What is not in any batch."""
        ...

    @property
    def sources(self) -> list[str]:
        """Where each comes from, as rows are named."""
        ...

    def trajectory(self, number: int) -> Trajectory: ...

    def picture(self, number: int, image: ImageRecord) -> bytes: ...


Columns = Mapping[str, torch.Tensor]
"""(B, L) numbers that each token has, by what they are called: an advantage, say."""


@dataclass(frozen=True)
class TokenView:
    position: int
    id: int
    text: str
    trained: bool
    values: tuple[str, ...]
    """A number of each column."""


@dataclass(frozen=True)
class ImageView:
    name: str
    number: int
    """In the row, from 0."""
    width: int
    height: int
    tokens: int
    url: str


@dataclass(frozen=True)
class StretchView:
    """Tokens that stand together and have one role."""

    role: str
    tokens: list[TokenView]
    count: int
    """How many they are; `tokens` is empty where each of them would say the same."""
    images: tuple[int, ...] = ()
    """The images that they stand for."""
    trained: bool = False


@dataclass(frozen=True)
class RowView:
    """One episode of the batch."""

    number: int
    source: str
    question: str
    stretches: list[StretchView]
    images: list[ImageView]
    tokens: int
    trained: int

    def count_of(self, role: str) -> int:
        return sum(stretch.count for stretch in self.stretches if stretch.role == role)


@dataclass(frozen=True)
class BatchView:
    """One batch, and what the data behind it is like."""

    title: str
    facts: dict[str, str]
    """Of the data and the step, by what they are called."""
    rows: list[RowView]
    width: int
    """L: tokens of a row, what fills it up included."""
    columns: tuple[str, ...] = ()
    left_out: dict[str, list[LeftOut]] = field(default_factory=dict)
    """The first of each kind."""
    left_out_counts: dict[str, int] = field(default_factory=dict)

    @property
    def tokens(self) -> int:
        return sum(row.tokens for row in self.rows)

    @property
    def trained(self) -> int:
        return sum(row.trained for row in self.rows)

    @property
    def images(self) -> int:
        return sum(len(row.images) for row in self.rows)

    @property
    def image_tokens(self) -> int:
        return sum(image.tokens for row in self.rows for image in row.images)

    @property
    def padding_share(self) -> float:
        """0 to 1, of all that is computed."""
        whole = self.width * len(self.rows)
        return 1 - self.tokens / whole if whole else 0.0


def view_of_batch(
    batch: Batch,
    dataset: Episodes,
    chat: ChatTokens,
    *,
    title: str,
    facts: Mapping[str, str],
    columns: Columns | None = None,
) -> BatchView:
    """What a batch's page shows: the very tensors that a model would take in.

    `columns` are further numbers of its tokens, which the page shows with each.
    """
    places = {source: number for number, source in enumerate(dataset.sources)}
    words = TokenWords(chat.tokenizer)
    rows = [
        _Row(batch, number, dataset.trajectory(places[source]), chat, words, columns or {}).view(
            dataset, places[source]
        )
        for number, source in enumerate(batch.sources)
    ]
    every = [*dataset.left_out, *batch.left_out]
    kinds = sorted({one.kind for one in every})
    by_kind = {kind: [one for one in every if one.kind == kind] for kind in kinds}
    return BatchView(
        title=title,
        facts=dict(facts),
        rows=rows,
        width=batch.trained.shape[1],
        columns=tuple(columns or ()),
        left_out={kind: found[:_NAMED] for kind, found in by_kind.items()},
        left_out_counts={kind: len(found) for kind, found in by_kind.items()},
    )


class _Row:
    """One row of a batch, on its way to being shown."""

    def __init__(
        self,
        batch: Batch,
        number: int,
        trajectory: Trajectory,
        chat: ChatTokens,
        words: TokenWords,
        columns: Columns,
    ) -> None:
        self._number = number
        self._source = batch.sources[number]
        self._trajectory = trajectory
        self._chat = chat
        self._filled = batch.trained.shape[1]
        length = int(batch.inputs["attention_mask"][number].sum())
        self._ids: list[int] = batch.inputs["input_ids"][number, :length].tolist()
        self._trained: list[bool] = batch.trained[number, :length].tolist()
        self._turns = batch.turns[number]
        self._texts = words.of_all(self._ids)
        self._words = words
        self._columns = [column[number, :length].tolist() for column in columns.values()]
        self._images = images_seen(trajectory)
        self._spans = self._spans_of_images()

    def view(self, dataset: Episodes, place: int) -> RowView:
        stretches = self._stretches()
        if (padding := self._filled - len(self._ids)) > 0:
            stretches.append(StretchView("padding", [], padding))
        images = [
            ImageView(
                record.name,
                number,
                record.shown_width,
                record.shown_height,
                self._placeholders_in(span),
                _thumbnail(dataset.picture(place, record)),
            )
            for number, (record, span) in enumerate(zip(self._images, self._spans, strict=False))
        ]
        return RowView(
            number=self._number + 1,
            source=self._source,
            question=self._trajectory.question,
            stretches=stretches,
            images=images,
            tokens=len(self._ids),
            trained=sum(self._trained[1:]),
        )

    def _spans_of_images(self) -> list[Span]:
        """Of each image, in the stretch that it came in: before the first turn, or after one."""
        ends = [0, *(end for _, end in self._turns)]
        starts = [*(start for start, _ in self._turns), len(self._ids)]
        spans: list[Span] = []
        for turn, (begin, end) in enumerate(zip(ends, starts, strict=True), -1):
            spans += spans_of_images(
                self._ids[begin:end],
                begin,
                sum(image.turn == turn for image in self._images),
                is_placeholder=self._is_placeholder,
                belongs_to_image=self._belongs_to_image,
            )
        return spans

    def _stretches(self) -> list[StretchView]:
        roles = self._roles()
        stretches = []
        for role, run in groupby(range(len(self._ids)), roles.__getitem__):
            positions = list(run)
            name, images = role
            tokens = [] if images else [self._token(position) for position in positions]
            trained = self._trained[positions[0]]
            stretches.append(StretchView(name, tokens, len(positions), images, trained))
        return stretches

    def _roles(self) -> list[tuple[str, tuple[int, ...]]]:
        """(role, the images it stands for) of each token."""
        first = self._turns[0][0] if self._turns else len(self._ids)
        system = self._end_of_system(first)
        roles: list[tuple[str, tuple[int, ...]]] = [("observation", ())] * len(self._ids)
        roles[:first] = [("user", ())] * first
        roles[:system] = [("system", ())] * system
        for start, end in self._turns:
            roles[start:end] = [("assistant", ())] * (end - start)
        for span in dict.fromkeys(self._spans):
            numbers = tuple(n for n, one in enumerate(self._spans) if one == span)
            roles[slice(*span)] = [("image", numbers)] * (span[1] - span[0])
        return roles

    def _end_of_system(self, before: int) -> int:
        """Where the words of the system end; 0 if they cannot be found."""
        said = self._trajectory.system.strip()
        text = "".join(self._texts[:before])
        at = text.find(said) if said else -1
        end, length = at + len(said), 0
        if at < 0:
            return 0
        for position, one in enumerate(self._texts[:before]):
            length += len(one)
            if length >= end:
                return position + 1
        return before

    def _token(self, position: int) -> TokenView:
        return TokenView(
            position,
            self._ids[position],
            self._texts[position],
            self._trained[position],
            tuple(f"{column[position]:.4g}" for column in self._columns),
        )

    def _is_placeholder(self, token: int) -> bool:
        return self._chat.count_placeholders([token]) > 0

    def _belongs_to_image(self, token: int) -> bool:
        return token in self._chat.image_token_ids or not self._words.of((token,)).strip()

    def _placeholders_in(self, span: Span) -> int:
        return self._chat.count_placeholders(self._ids[slice(*span)])


def _thumbnail(data: bytes) -> str:
    """A data URL of an image that is as large as a page needs it."""
    with Image.open(io.BytesIO(data)) as picture:
        small = picture.convert("RGB")
    small.thumbnail((_THUMBNAIL, _THUMBNAIL))
    encoded = io.BytesIO()
    small.save(encoded, "WEBP", quality=80)
    return f"data:image/webp;base64,{base64.b64encode(encoded.getvalue()).decode()}"
