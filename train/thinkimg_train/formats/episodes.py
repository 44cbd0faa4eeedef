"""Conversations as episodes, and back: what one format says in texts, the other has in fields."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from thinkimg_agent.coordinates import CoordinateSpace, View
from thinkimg_agent.dialects import DIALECTS, Dialect
from thinkimg_agent.images import EpisodeImage
from thinkimg_agent.messages import conversation_of
from thinkimg_agent.reply import Reply, Unparseable
from thinkimg_agent.trajectory import (
    FORMAT,
    CallRecord,
    ImageRecord,
    StopReason,
    Trajectory,
    TurnRecord,
)
from thinkimg_train.bad_data import BadSample
from thinkimg_train.formats.chat import MARK, Chat, ChatMessage, without_literal_marks
from thinkimg_train.formats.pictures import record_of
from thinkimg_train.formats.rows import Row
from thinkimg_train.rewriting import in_dialect

LABELLED_MARK = re.compile(rf"(?:img_\d+ \(\d+x\d+\):\n?)?{MARK}\n?")
"""An image in a text, with its name where an episode gives it one."""
_CALLS = re.compile(r'<tool_call>|"actions"\s*:')
_ERROR = "Error: "
_SAID_BEFORE = re.compile(r"^(?:<tool_result>)?OBSERVATION:\n?")
_SAID_AFTER = re.compile(
    r"\s*Please summarize the model outputs and answer my first question\.?(?:</tool_result>)?\s*$"
)
_TAGGED = re.compile(r"<tool_response>\n(.*?)\n</tool_response>", re.DOTALL)


def chat_of(trajectory: Trajectory, pictures: Mapping[str, bytes], mended: Counter[str]) -> Chat:
    """An episode as the messages its policy saw; `pictures` by digest.

    Calls that a server took out of the text are put back, as Hermes models write them.

    Raises: BadSample, for an image that is not there, or an unknown tool.
    """
    if trajectory.dialect == "native":
        trajectory = in_dialect(trajectory, "hermes")
        mended["native calls, now in the text"] += 1
    dialect = DIALECTS[trajectory.dialect](CoordinateSpace(trajectory.coordinates))
    shown: list[bytes] = []

    def image_of(record: ImageRecord) -> EpisodeImage:
        data = pictures.get(record.shown_digest)
        if data is None:
            raise BadSample("image missing", f"the image {record.name} is not there")
        view = View(record.width, record.height, record.shown_width, record.shown_height)
        return EpisodeImage(record.name, data, record.digest, data, record.shown_digest, view)

    messages = []
    for message in conversation_of(trajectory, dialect, image_of, as_sampled=False):
        texts = []
        for part in message.parts:
            if isinstance(part, str):
                texts.append(without_literal_marks(part, mended))
            else:
                texts.append(MARK)
                shown.append(part.shown)
        role = "user" if message.role == "tool" else message.role
        messages.append(ChatMessage(role, "\n".join(texts)))
    return Chat(tuple(messages), tuple(shown))


def episode_of(row: Row, chat: Chat, dialect: Dialect | None, policy: str) -> Trajectory:
    """A conversation as an episode, where its turns are in a dialect.

    Without `dialect`, in the first that all its turns are in. Raises: BadRow.
    """
    system, question, rest = _opening(row, chat)
    if chat.marks != len(chat.images):
        raise row.bad(
            "images",
            f"{len(chat.images)} images for {chat.marks} times {MARK} in what the user says; "
            "give each its own",
        )
    dialect = dialect or _dialect_of(row, rest)
    reading = _Reading(row, chat, dialect)
    first = reading.take_images(question, turn=-1)
    reading.read(rest)
    return Trajectory(
        format=FORMAT,
        sample_id=str(row.value.get("id", f"{row.unit}-{row.number}")),
        question=first,
        truth=_text_or_none(row.value.get("truth")),
        category=str(row.value.get("category", "")),
        policy=policy,
        dialect=dialect.name,
        coordinates=dialect.space.value,
        tools=reading.tools,
        system=system,
        images=reading.records,
        turns=reading.turns,
        stop=StopReason.ANSWERED,
        answer=reading.answer,
        score=reading.score(),
        pictures=reading.pictures,
    )


def _opening(row: Row, chat: Chat) -> tuple[str, ChatMessage, list[ChatMessage]]:
    messages = list(chat.messages)
    system = messages.pop(0).text if messages and messages[0].role == "system" else ""
    if not messages or messages[0].role != "user":
        raise row.bad("conversations", "the first to speak must be the user, with the question")
    return system, messages[0], messages[1:]


def _dialect_of(row: Row, messages: Sequence[ChatMessage]) -> Dialect:
    space = space_of(row)
    turns = [message.text for message in messages if message.role == "assistant"]
    named = row.value.get("dialect")
    names = [named] if named in DIALECTS else list(DIALECTS)
    if any(_CALLS.search(turn) for turn in turns):
        # To a server that takes calls out of the text itself, these were an answer.
        names = [name for name in names if name != "native"]
    problems = []
    for name in names:
        dialect = DIALECTS[name](space)
        try:
            replies = [dialect.parse(turn) for turn in turns]
        except Unparseable as problem:
            problems.append(f"{name}: {problem}")
            continue
        if replies and replies[-1].answer is not None:
            return dialect
        problems.append(f"{name}: its last turn is no answer")
    raise row.bad("conversations", f"in no dialect. {'; '.join(problems)[:600]}")


def space_of(row: Row) -> CoordinateSpace:
    """How a row says that it counts; pixels if it says nothing. Raises: BadRow."""
    named = row.value.get("coordinates", CoordinateSpace.PIXELS.value)
    try:
        return CoordinateSpace(named)
    except ValueError as error:
        known = ", ".join(space.value for space in CoordinateSpace)
        raise row.bad("coordinates", f'"{named}" is none of {known}') from error


class _Reading:
    """Turns one after the other, with what each led to."""

    def __init__(self, row: Row, chat: Chat, dialect: Dialect) -> None:
        self.records: list[ImageRecord] = []
        self.pictures: dict[str, bytes] = {}
        self.turns: list[TurnRecord] = []
        self.tools: list[str] = []
        self.answer: str | None = None
        self._row = row
        self._images = iter(chat.images)
        self._dialect = dialect

    def read(self, messages: Sequence[ChatMessage]) -> None:
        """Raises: BadRow."""
        waiting = list(messages)
        while waiting and self.answer is None:
            said = waiting.pop(0)
            if said.role != "assistant":
                raise self._row.bad(said.where, "the user speaks twice in a row")
            try:
                reply = self._dialect.parse(said.text)
            except Unparseable as problem:
                raise self._row.bad(said.where, str(problem)) from problem
            turn = TurnRecord(text=said.text, thought=reply.thought)
            self.turns.append(turn)
            self.answer = reply.answer
            if reply.calls:
                if not waiting:
                    raise self._row.bad(said.where, "calls, and nothing comes back")
                turn.calls += self._results(reply, waiting.pop(0))
        if self.answer is None:
            raise self._row.bad("conversations", "it ends without an answer")
        if waiting:
            raise self._row.bad(waiting[0].where, "somebody speaks after the answer")

    def take_images(self, message: ChatMessage, *, turn: int, calls: int = 0) -> str:
        """The text of a message, its images taken out and numbered."""
        for _ in range(message.marks):
            data = next(self._images)
            name = f"img_{len(self.records) + 1}"
            record = record_of(data, name, turn=turn, call=max(0, calls - 1) if calls else -1)
            self.records.append(record)
            self.pictures[record.digest] = data
        return LABELLED_MARK.sub("", message.text).strip("\n")

    def score(self) -> float | None:
        score = self._row.value.get("score")
        return float(score) if isinstance(score, int | float) else None

    def _results(self, reply: Reply, message: ChatMessage) -> list[CallRecord]:
        if message.role != "user":
            raise self._row.bad(
                message.where, "calls are followed by what came back, in user's role"
            )
        before = len(self.records)
        turn, count = len(self.turns) - 1, len(reply.calls)
        text = self.take_images(message, turn=turn, calls=count)
        results = _observations(text, [call.name for call in reply.calls])
        if results is None:
            raise self._row.bad(
                message.where, f"{count} calls, and not as many results that can be told apart"
            )
        calls = []
        for call, result in zip(reply.calls, results, strict=True):
            if call.name not in self.tools:
                self.tools.append(call.name)
            failed = result.startswith(_ERROR)
            calls.append(
                CallRecord(
                    name=call.name,
                    arguments=call.arguments,
                    response=None if failed else _response(result),
                    error=result.removeprefix(_ERROR) if failed else "",
                    observation=result,
                )
            )
        for image in self.records[before:]:
            quoted = f'"{image.name}"'
            named = [at for at, call in enumerate(calls) if quoted in call.observation]
            image.call = named[0] if named else count - 1
        return calls


def _observations(text: str, names: Sequence[str]) -> list[str] | None:
    """What came back of each call, out of what was shown of all of them."""
    if tagged := _TAGGED.findall(text):
        return tagged if len(tagged) == len(names) else None
    text = _SAID_AFTER.sub("", _SAID_BEFORE.sub("", text))
    results, start = [], 0
    for at, name in enumerate(names):
        label = re.compile(rf"^{re.escape(name)}(?: model outputs)?: ?", re.MULTILINE)
        found = label.search(text, start)
        if found is None:
            # One call needs no label; OpenThinkIMG's data often have none.
            return [text.strip("\n")] if len(names) == 1 else None
        if at:
            results.append(text[start : found.start()].rstrip("\n"))
        start = found.end()
    return [*results, text[start:].rstrip("\n")]


def _response(result: str) -> dict[str, Any]:
    """The typed answer is not known any more: what was shown of it stands in its place."""
    try:
        value = json.loads(result)
    except ValueError:
        return {"text": result}
    return value if isinstance(value, dict) else {"text": result}


def _text_or_none(value: Any) -> str | None:
    return None if value is None else str(value)
