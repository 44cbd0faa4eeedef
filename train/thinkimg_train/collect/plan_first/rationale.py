"""Stage 3: the teacher says why each call was made, and answers from what came back."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from thinkimg_agent.conversation import Message, Part, numbered
from thinkimg_agent.dialects import Dialect
from thinkimg_agent.dialects.lenient_json import read_object
from thinkimg_agent.images import EpisodeImages
from thinkimg_agent.policies import Policy
from thinkimg_agent.reply import Reply, Unparseable, WrittenCall
from thinkimg_agent.trajectory import Trajectory, TurnRecord

MAX_TOKENS = 4096
_ASKED = """Below is a question about an image, and what tools that were called to answer it gave.

Write for each action, in a sentence or two, the thought that leads to it: from the question
and from what the actions before it gave, as somebody would who does not know yet what it will
give. Then conclude from what all of them gave, and answer in as few words as will do.

One JSON object and nothing else:
{"thoughts": ["…", …], "conclusion": "…", "answer": "…"}"""


@dataclass(frozen=True)
class Rationale:
    """A thought for each call, and what is concluded of all."""

    thoughts: tuple[str, ...]
    conclusion: str
    answer: str


async def write_rationale(completed: Trajectory, policy: Policy) -> str:
    """What the teacher writes when asked for reasons. Raises: PolicyFault; ContextFull."""
    conversation = await _asked(completed, policy.max_image_pixels)
    return (await policy.generate(conversation, (), MAX_TOKENS)).text


def read_rationale(text: str, calls: int) -> Rationale:
    """The thoughts in what a teacher wrote. Raises: Unparseable."""
    found = read_object(text, "the rationale")
    thoughts, answer = found.get("thoughts"), found.get("answer")
    if not isinstance(thoughts, list) or not all(isinstance(one, str) for one in thoughts):
        raise Unparseable('the rationale needs "thoughts", a list of texts')
    if len(thoughts) != calls:
        raise Unparseable(f"the rationale has {len(thoughts)} thoughts for {calls} actions")
    if isinstance(answer, bool) or not isinstance(answer, str | int | float):
        raise Unparseable('the rationale needs an "answer"')
    return Rationale(tuple(thoughts), str(found.get("conclusion", "")), str(answer).strip())


def with_rationale(completed: Trajectory, rationale: Rationale, dialect: Dialect) -> Trajectory:
    """The episode as it goes when somebody has these thoughts."""
    *looks, end = completed.turns
    turns = [
        _thinking(turn, thought, dialect)
        for turn, thought in zip(looks, rationale.thoughts, strict=True)
    ]
    last = Reply(rationale.conclusion, answer=rationale.answer)
    end = msgspec.structs.replace(end, text=dialect.write(last), thought=last.thought)
    return msgspec.structs.replace(completed, turns=[*turns, end], answer=rationale.answer)


def _thinking(turn: TurnRecord, thought: str, dialect: Dialect) -> TurnRecord:
    calls = tuple(WrittenCall(one.name, one.arguments, id=one.call_id) for one in turn.calls)
    text = dialect.write(Reply(thought, calls=calls))
    return msgspec.structs.replace(turn, text=text, thought=thought)


async def _asked(completed: Trajectory, max_image_pixels: int) -> list[Message]:
    images = EpisodeImages(max_image_pixels)
    shown = {
        image.name: numbered(await images.add(completed.pictures[image.digest]))
        for image in completed.images
    }
    first = [part for one in completed.images if one.turn < 0 for part in shown[one.name]]
    parts: list[Part] = [*first, f"Question: {completed.question}"]
    for at, turn in enumerate(completed.turns):
        for call in turn.calls:
            asked = msgspec.json.encode({"name": call.name, "arguments": call.arguments}).decode()
            parts.append(f"Action {at + 1}: {asked}\nIt gave: {call.observation}")
        parts += [part for one in completed.images if one.turn == at for part in shown[one.name]]
    return [Message("system", (_ASKED,)), Message("user", tuple(parts))]
