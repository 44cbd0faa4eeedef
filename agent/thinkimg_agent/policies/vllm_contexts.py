"""What vLLM is asked and what it made of that, whether it runs here or on a server.

Tokens go in with each image as the template writes it, and vLLM puts the placeholders in.
"""

from __future__ import annotations

from collections.abc import Sequence

from thinkimg_agent.conversation import Message
from thinkimg_agent.images import EpisodeImage
from thinkimg_agent.policies.policy import ContextFull, PolicyFault

MAX_IMAGE_PIXELS = 1 << 20
ATTEMPTS = 5
"""vLLM's two sides each keep a list of the images that they share. Where an episode was
given up on its way they disagree, which costs a turn of another episode, and is mended by
that: the next time, the image is sent anew."""
MOST_BIASES = 1024
"""Of one request, that vLLM takes."""


def images_of(conversation: Sequence[Message]) -> list[EpisodeImage]:
    """In the order of their places."""
    return [
        part for message in conversation for part in message.parts if isinstance(part, EpisodeImage)
    ]


def check_room(context: Sequence[int], longest: int) -> None:
    """Raises: ContextFull, when there is no room for a turn."""
    if len(context) >= longest:
        raise ContextFull(f"{len(context)} tokens, and the model takes {longest}")


def check_turns(context: Sequence[int], conversation: Sequence[Message]) -> None:
    """Where vLLM finds no place for an image among the tokens, it goes back to text.

    Raises: PolicyFault, when turns are not in the context as they were sampled.
    """
    context, start = list(context), 0
    for message in conversation:
        turn = list(message.token_ids or ())
        if not turn:
            continue
        try:
            start = context.index(turn[0], start)
            while context[start : start + len(turn)] != turn:
                start = context.index(turn[0], start + 1)
        except ValueError:
            raise PolicyFault("vLLM tokenised an earlier turn a second time") from None
        start += len(turn)


def in_a_line(error: object) -> str:
    """What an error says, in one line."""
    return " ".join(str(error).split()) or type(error).__name__
