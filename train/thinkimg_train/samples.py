"""What one episode is to a trainer: its tokens, which of them the model wrote, its images.

The contexts are made by the policies' own code, so a model is trained on exactly
what it will meet. Trained are the words of the assistant and the token that ends
its turns, and nothing of the system, the user, the tools or the images.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from PIL import Image, UnidentifiedImageError

from thinkimg_agent.conversation import Message
from thinkimg_agent.coordinates import CoordinateSpace, View
from thinkimg_agent.dialects import DIALECTS
from thinkimg_agent.images import EpisodeImage
from thinkimg_agent.messages import conversation_of
from thinkimg_agent.policies import PolicyFault
from thinkimg_agent.policies.chat_tokens import ChatTokens
from thinkimg_agent.shown import Shown, reduced
from thinkimg_agent.trajectory import ImageRecord, StopReason, Trajectory
from thinkimg_rpc.digest import digest_of
from thinkimg_rpc.imaging.codec import InvalidImage
from thinkimg_train.bad_data import BadSample

BytesOf = Callable[[str], bytes | None]
"""The bytes of an image by its digest; None if they are not there."""

Span = tuple[int, int]
"""[start, end) among the tokens of an episode."""

Tokens = Literal["sampled", "text", "either"]
"""Which tokens a recorded turn becomes: those it was sampled as, those of its text, or the
former where they are this model's."""


@dataclass(frozen=True)
class TrainingSample:
    """One episode."""

    input_ids: torch.Tensor
    """(L,) tokens, each image's placeholders in their full number."""
    trained: torch.Tensor
    """(L,) whether the assistant wrote it."""
    per_token: dict[str, torch.Tensor]
    """(L,) what the processor says of each token beside it, its type say."""
    pixels: dict[str, torch.Tensor]
    """The processor's features of all images, in order."""
    image_tokens: int
    """How many of the tokens are placeholders of images."""
    source: str
    """Where it comes from, for people."""
    turns: tuple[Span, ...] = ()
    """Those of the assistant, trained on or not."""

    def __len__(self) -> int:
        return len(self.input_ids)


def sample_of(
    trajectory: Trajectory,
    chat: ChatTokens,
    bytes_of: BytesOf,
    *,
    source: str,
    max_pixels: int,
    tokens: Tokens = "either",
    learn_failures: bool = True,
) -> TrainingSample:
    """An episode as the model of `chat` sees it.

    An image of more than `max_pixels` is reduced, where its coordinates do not depend on that.
    Without `learn_failures`, turns that could not be parsed, or that had a call which
    failed, are seen and not trained on.

    Raises: BadSample.
    """
    check_record(trajectory)
    space = CoordinateSpace(trajectory.coordinates)
    dialect = DIALECTS[trajectory.dialect](space)

    def image_of(record: ImageRecord) -> EpisodeImage:
        return _image(record, bytes_of, space, max_pixels)

    as_sampled = tokens != "text" and trajectory.context_ids is not None
    conversation = conversation_of(trajectory, dialect, image_of, as_sampled=as_sampled)
    if not trajectory.system:  # as in data from elsewhere
        conversation = conversation[1:]
    sample = _sampled(trajectory, conversation, chat, source) if as_sampled else None
    if sample is None and tokens == "sampled":
        raise BadSample("other tokens", "its tokens are not those that this model would have seen")
    if sample is None:
        ended = trajectory.turns[-1].finish != "length"
        texts = _without_tokens(conversation)
        sample = sample_of_conversation(texts, chat, source=source, ended=ended)
    if not learn_failures:
        for turn, (start, end) in zip(trajectory.turns, sample.turns, strict=True):
            if turn.problem or any(call.error for call in turn.calls):
                sample.trained[start:end] = False
    return sample


def _sampled(
    trajectory: Trajectory, conversation: Sequence[Message], chat: ChatTokens, source: str
) -> TrainingSample | None:
    """The episode in the tokens it was sampled in; None if they are another model's."""
    try:
        sample = _tokenised(conversation, chat, source)
    except BadSample:  # tokens of another model may be anything
        return None
    return sample if sample.input_ids.tolist() == trajectory.context_ids else None


def sample_of_conversation(
    conversation: Sequence[Message], chat: ChatTokens, *, source: str, ended: bool = True
) -> TrainingSample:
    """A conversation as the model of `chat` sees it; turns without tokens become those of
    their text. `ended` says whether the last turn was written to its end.

    Raises: BadSample.
    """
    turns = [n for n, message in enumerate(conversation) if message.role == "assistant"]
    if not turns:
        raise BadSample("no turns", "the assistant says nothing")
    written = [
        _as_sampled(message, chat, ended=ended or number != turns[-1])
        if message.role == "assistant"
        else message
        for number, message in enumerate(conversation[: turns[-1] + 1])
    ]
    return _tokenised(written, chat, source)


def _as_sampled(message: Message, chat: ChatTokens, *, ended: bool) -> Message:
    if message.token_ids is not None:
        return message
    if message.calls:
        raise BadSample(
            "native calls",
            "a server took its calls out of the text, and this model would have to write them: "
            "choose another dialect for the data",
        )
    try:
        ids = chat.turn_ids(message.text, ended=ended)
    except PolicyFault as fault:
        raise BadSample("no fit", str(fault)) from fault
    return Message(message.role, message.parts, token_ids=ids)


def _tokenised(conversation: Sequence[Message], chat: ChatTokens, source: str) -> TrainingSample:
    try:
        prompt, turns = chat.episode(conversation)
    except (PolicyFault, UnidentifiedImageError, OSError) as fault:
        raise BadSample("no fit", str(fault)) from fault
    found = chat.count_placeholders(prompt.ids)
    if found != prompt.placeholders:
        raise BadSample(
            "image tokens", f"{found} image tokens for {prompt.placeholders} image features"
        )
    trained = torch.zeros(len(prompt.ids), dtype=torch.bool)
    for start, end in turns:
        trained[start:end] = True
    return TrainingSample(
        input_ids=torch.tensor(prompt.ids),
        trained=trained,
        per_token={name: torch.tensor(values) for name, values in prompt.per_token.items()},
        pixels=prompt.pixels,
        image_tokens=found,
        source=source,
        turns=tuple(turns),
    )


def check_record(trajectory: Trajectory) -> None:
    """Raises: BadSample, where a record contradicts itself, or cannot teach anything."""
    if trajectory.stop is StopReason.ABORTED:
        raise BadSample("aborted", f"it was aborted: {trajectory.stop_detail}")
    if not trajectory.turns:
        raise BadSample("no turns", "the assistant says nothing")
    if trajectory.dialect not in DIALECTS:
        raise BadSample("unknown dialect", f'its dialect "{trajectory.dialect}" is not known here')
    if trajectory.coordinates not in {space.value for space in CoordinateSpace}:
        raise BadSample(
            "unknown coordinates", f'its coordinates "{trajectory.coordinates}" are not known here'
        )
    for image in trajectory.images:
        calls = trajectory.turns[image.turn].calls if image.turn < len(trajectory.turns) else []
        if image.turn >= 0 and image.call >= len(calls):
            raise BadSample(
                "image count", f"image count: no call of the episode can have made {image.name}"
            )


def _image(
    record: ImageRecord, bytes_of: BytesOf, space: CoordinateSpace, max_pixels: int
) -> EpisodeImage:
    """An image as the model is to see it."""
    data = bytes_of(record.shown_digest)
    if data is None:
        raise BadSample(
            "image missing", f"the image {record.name} is missing ({record.shown_digest[:12]}…)"
        )
    if digest_of(data) != record.shown_digest:
        raise BadSample(
            "image damaged", f"the image {record.name} is damaged ({record.shown_digest[:12]}…)"
        )
    if space.full is None and record.shown_width * record.shown_height > max_pixels:
        raise BadSample(
            "image too large",
            f"the image {record.name} was shown with more than {max_pixels} pixels, and the "
            "episode counts pixels: raise max_pixels, or record with fewer or other coordinates",
        )
    try:
        shown = _shown(record, data, max_pixels)
    except (UnidentifiedImageError, OSError, InvalidImage) as error:
        raise BadSample(
            "image damaged", f"the image {record.name} cannot be read: {error}"
        ) from error
    if (shown.view.width, shown.view.height) != (record.shown_width, record.shown_height):
        raise BadSample(
            "image damaged", f"the image {record.name} has not the size that its record says"
        )
    return EpisodeImage(
        name=record.name,
        data=shown.data,
        digest=record.digest,
        shown=shown.data,
        shown_digest=shown.digest,
        view=replace(shown.view, width=record.width, height=record.height),
    )


def _shown(record: ImageRecord, data: bytes, max_pixels: int) -> Shown:
    """An image as policies see all images: upright, without transparency, and not too large.

    Raises: InvalidImage; OSError.
    """
    with Image.open(io.BytesIO(data)) as picture:
        width, height = picture.size
        plain = picture.format == "PNG" and picture.mode == "RGB" and "exif" not in picture.info
    if plain and width * height <= max_pixels:
        return Shown(data, record.shown_digest, View(width, height, width, height))
    return reduced(data, max_pixels)


def _without_tokens(conversation: Sequence[Message]) -> list[Message]:
    return [
        Message(message.role, message.parts, message.calls, message.call_id)
        for message in conversation
    ]
