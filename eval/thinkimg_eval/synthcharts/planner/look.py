"""What has been seen so far, all of it from the conversation, and what is to be looked at next.

The rules that answer a question are written as if every tool answered at once:
they ask a `Look` for what a call shows. What is not there yet ends them with
`NotYetSeen`; its calls are written as the next turn, and the rules start over
with more to see. So there is no state beside the conversation.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from thinkimg_agent.conversation import Message
from thinkimg_agent.dialects import Dialect
from thinkimg_agent.images import EpisodeImage
from thinkimg_agent.reply import Unparseable, WrittenCall
from thinkimg_eval.synthcharts.planner.places import Scale

_TAGGED = re.compile(r"<tool_response>\n?(.*?)\n?</tool_response>", re.DOTALL)
_LABELLED = re.compile(r"^\w+: (?=\{|Error)", re.MULTILINE)
_ITEM = re.compile(r"\{[^{}]*\}")


@dataclass(frozen=True)
class Finding:
    """A call, and what came back."""

    call: WrittenCall
    text: str
    """The observation; empty where there was no such tool to call."""

    @property
    def failed(self) -> bool:
        return not self.text or self.text.startswith("Error")

    def items(self, key: str) -> list[dict[str, Any]]:
        """The objects in a list of the observation, also where its end was cut off."""
        if self.failed:
            return []
        try:
            listed = json.loads(self.text).get(key, [])
        except (json.JSONDecodeError, AttributeError):
            start = self.text.find(f'"{key}"')
            listed = [_object(part) for part in _ITEM.findall(self.text[max(0, start) :])]
        return [one for one in listed if isinstance(one, dict)]

    def value(self, key: str) -> Any:
        """One value of the observation, None if there is none."""
        if self.failed:
            return None
        try:
            return json.loads(self.text).get(key)
        except (json.JSONDecodeError, AttributeError):
            return None


class NotYetSeen(Exception):
    """The rules need calls whose answers are not in the conversation yet."""

    def __init__(self, thought: str, calls: Sequence[WrittenCall]) -> None:
        super().__init__(thought)
        self.thought = thought
        self.calls = tuple(calls)


@dataclass(frozen=True)
class Look:
    """An episode as its policy sees it."""

    question: str
    images: Mapping[str, EpisodeImage]
    findings: tuple[Finding, ...]
    offered: frozenset[str]
    dialect: Dialect

    @classmethod
    def at(cls, conversation: Sequence[Message], offered: Sequence[str], dialect: Dialect) -> Look:
        """What a conversation shows."""
        asked = next((message for message in conversation if message.role == "user"), None)
        question = asked.parts[-1] if asked is not None and asked.parts else ""
        images = {
            part.name: part
            for message in conversation
            for part in message.parts
            if isinstance(part, EpisodeImage)
        }
        return cls(
            question if isinstance(question, str) else "",
            images,
            tuple(_findings(conversation, dialect)),
            frozenset(offered),
            dialect,
        )

    @property
    def first(self) -> EpisodeImage | None:
        """The image that the question is about."""
        return next(iter(self.images.values()), None)

    def scale_of(self, name: str) -> Scale:
        """How places in an image are written."""
        view = self.images[name].view
        return Scale(self.dialect.space, view.shown_width, view.shown_height)

    def see(self, thought: str, *asked: tuple[str, dict[str, Any]]) -> list[Finding]:
        """What some calls, (tool, arguments) each, have shown.

        A tool that is not offered has nothing to show. Raises: NotYetSeen.
        """
        calls = [WrittenCall(tool, arguments) for tool, arguments in asked]
        found = [self._finding(call) for call in calls]
        missing = [
            call
            for call, finding in zip(calls, found, strict=True)
            if finding is None and call.name in self.offered
        ]
        if missing:
            raise NotYetSeen(thought, missing)
        return [finding or Finding(call, "") for call, finding in zip(calls, found, strict=True)]

    def has_seen(self, asked: tuple[str, dict[str, Any]]) -> bool:
        """Whether a call has been made."""
        return self._finding(WrittenCall(*asked)) is not None

    def _finding(self, call: WrittenCall) -> Finding | None:
        for finding in self.findings:
            if (finding.call.name, finding.call.arguments) == (call.name, call.arguments):
                return finding
        return None


def _findings(conversation: Sequence[Message], dialect: Dialect) -> Iterator[Finding]:
    """Each call of the policy's own turns, with what it was shown of it."""
    for at, message in enumerate(conversation):
        if message.role != "assistant":
            continue
        try:
            calls = dialect.parse(message.text, message.calls).calls
        except Unparseable:
            continue
        after = conversation[at + 1 : at + 1 + len(calls)]
        answers = [one.text for one in after if one.role == "tool"]
        if not answers and after:
            answers = _answers_in(after[0])
        yield from map(Finding, calls, answers)


def _answers_in(message: Message) -> list[str]:
    """The observations of a turn that are in one message."""
    text = next((part for part in message.parts if isinstance(part, str)), "")
    if tagged := _TAGGED.findall(text):
        return [str(one) for one in tagged]
    return [part.strip() for part in _LABELLED.split(text)[1:]]


def _object(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return None
