"""A model's chat template, and what it wants a conversation to look like.

Templates differ in more than their words: some know no system role, some want
roles to alternate, some take a message as text and not as parts. What a template
takes is found out once, when the model is loaded, on a small conversation whose
every word must come out again. So a template that would drop something is refused
at the start, and not in the middle of an evaluation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from thinkimg_agent.conversation import Message
from thinkimg_agent.images import EpisodeImage
from thinkimg_agent.policies.family_templates import template_of_family
from thinkimg_agent.policies.policy import PolicyFault

MARKER = "<|thinkimg_turn|>"
"""Stands for a turn of the model's own, whose tokens are known and never rendered."""

_Content = list[dict[str, str]]
_IMAGE = {"type": "image"}
_TRIAL: list[tuple[str, _Content]] = [
    ("system", [{"type": "text", "text": "INSTRUCTIONS"}]),
    ("user", [{"type": "text", "text": "BEFORE"}, _IMAGE, {"type": "text", "text": "QUESTION"}]),
    ("assistant", [{"type": "text", "text": MARKER}]),
    ("user", [{"type": "text", "text": "OBSERVATION"}, _IMAGE]),
]


@dataclass(frozen=True)
class _Form:
    """What a template takes."""

    system: bool
    """A message of the system; else what it says opens the first message of the user."""
    parts: bool
    """Messages as lists of parts; else as text, images as their placeholders."""


class ChatTemplate:
    """The template of one model. Raises: PolicyFault, when it has none that can be used."""

    def __init__(self, processor: Any) -> None:
        self._processor = processor
        self._placeholder: str | None = getattr(processor, "image_token", None)
        self.source = _template_of(processor)
        self._form = self._accepted_form()

    def text(self, conversation: Sequence[Message]) -> str:
        """A conversation up to where the model's next turn begins, its own turns as MARKER."""
        return self._rendered(_merged(conversation), self._form)

    def text_of_trial(self) -> str:
        """A small conversation, with all that the template writes around messages."""
        return self._rendered(_TRIAL, self._form)

    def turn_begins_with(self) -> str:
        """What the template writes before a turn that is over and not before one that it asks
        for: the model has to write it itself. A space, in some."""
        asked = self._rendered(_TRIAL[:2], self._form)
        over = self._rendered(_TRIAL[:3], self._form).partition(MARKER)[0]
        return over[len(asked) :] if over.startswith(asked) else ""

    def _accepted_form(self) -> _Form:
        refusals = []
        for parts, system in product((True, False), (True, False)):
            form = _Form(system=system, parts=parts)
            try:
                text = self._rendered(_TRIAL, form)
            except Exception as refusal:  # templates refuse in any way they like
                refusals.append(f"{type(refusal).__name__}: {refusal}")
                continue
            if not (lost := self._lost(text)):
                return form
            refusals.append(f"it drops {lost}")
        raise PolicyFault(
            f"the model's chat template cannot be used: {refusals[0]}; "
            "put another chat_template.jinja into its folder"
        )

    def _lost(self, text: str) -> str:
        """What the template left out of the trial."""
        before, marker, after = text.partition(MARKER)
        if not marker or MARKER in after:
            return "the model's own turns"
        if not all(word in before for word in ("INSTRUCTIONS", "BEFORE", "QUESTION")):
            return "text"
        if "OBSERVATION" not in after:
            return "observations"
        if self._placeholder and (
            before.count(self._placeholder) != 1 or after.count(self._placeholder) != 1
        ):
            return "images"
        return ""

    def _rendered(self, messages: Sequence[tuple[str, _Content]], form: _Form) -> str:
        if not form.system:
            messages = _without_system(messages)
        text: str = self._processor.apply_chat_template(
            [
                {"role": role, "content": content if form.parts else self._as_text(content)}
                for role, content in messages
            ],
            chat_template=self.source,
            tokenize=False,
            add_generation_prompt=True,
        )
        return text

    def _as_text(self, content: _Content) -> str:
        return "\n".join(part.get("text", self._placeholder or "") for part in content)


def _template_of(processor: Any) -> str:
    found = (
        processor.chat_template
        or processor.tokenizer.chat_template
        or template_of_family(processor)
    )
    if isinstance(found, dict):
        found = found.get("default") or next(iter(found.values()))
    if not found:
        raise PolicyFault(
            "the model has no chat template; put its chat_template.jinja into the folder"
        )
    return str(found)


def _merged(conversation: Sequence[Message]) -> list[tuple[str, _Content]]:
    """Roles and contents; neighbours of one role are one, for templates that want turns to
    alternate."""
    merged: list[tuple[str, _Content]] = []
    for message in conversation:
        # Where results have their own role, templates wrap them as dialects do anyway.
        role = "user" if message.role == "tool" else message.role
        if role == "assistant":
            merged.append((role, [{"type": "text", "text": MARKER}]))
        elif merged and merged[-1][0] == role:
            merged[-1] = (role, _joined([*merged[-1][1], *_content(message)]))
        else:
            merged.append((role, _content(message)))
    return merged


def _content(message: Message) -> _Content:
    return _joined(
        [
            _IMAGE if isinstance(part, EpisodeImage) else {"type": "text", "text": part}
            for part in message.parts
        ]
    )


def _joined(content: _Content) -> _Content:
    """Texts that follow each other as one, each in a line of its own."""
    joined: _Content = []
    for part in content:
        if joined and "text" in part and "text" in joined[-1]:
            joined[-1] = {"type": "text", "text": f"{joined[-1]['text']}\n{part['text']}"}
        else:
            joined.append(part)
    return joined


def _without_system(messages: Sequence[tuple[str, _Content]]) -> list[tuple[str, _Content]]:
    if not messages or messages[0][0] != "system":
        return list(messages)
    (_, said), *rest = messages
    if not rest or rest[0][0] != "user":
        return [("user", said), *rest]
    return [("user", _joined([*said, {"type": "text", "text": ""}, *rest[0][1]])), *rest[1:]]
