"""The dialect that Qwen and Hermes models are trained on: `<tool_call>` around JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import ClassVar

from thinkimg_agent.coordinates import CoordinateSpace, coordinates_in_words
from thinkimg_agent.dialects.dialect import TASK, TOOLS_HELP, Dialect
from thinkimg_agent.dialects.lenient_json import read_call, read_object
from thinkimg_agent.reply import Reply, Unparseable, WrittenCall
from thinkimg_rpc.contract import ToolContract
from thinkimg_rpc.schema import openai_tools, signatures

_TAG = re.compile(r"<(/?)(tool_call|answer)>")
_SHAPE = '<tool_call>\n{"name": "…", "arguments": {…}}\n</tool_call>'
_ANSWER_SHAPE = "<answer>your answer</answer>"


class HermesDialect(Dialect):
    """`<tool_call>{"name": …, "arguments": …}</tool_call>`, answers in `<answer>`."""

    name: ClassVar[str] = "hermes"

    def instructions(self, contracts: Sequence[ToolContract]) -> str:
        if not contracts:
            return f"{TASK} Think, then write:\n{_ANSWER_SHAPE}"
        tools = _tools(tuple(contracts), self.space)
        return "\n\n".join(
            [
                f"{TASK} {TOOLS_HELP}",
                f"# Tools\n\n<tools>\n{tools}\n</tools>",
                f"# Coordinates\n\n{coordinates_in_words(self.space)}",
                "# How to write\n\n"
                f"Think, then call one or several tools, each like this:\n{_SHAPE}\n"
                "Calls of one turn run side by side. To answer, call none and write:\n"
                + _ANSWER_SHAPE,
            ]
        )

    def _parse(self, text: str, calls: Sequence[WrittenCall]) -> Reply:
        outside, parts = _split(text)
        answers = [body for tag, body in parts if tag == "answer"]
        bodies = [body for tag, body in parts if tag == "tool_call"]
        if answers and bodies:
            raise Unparseable(
                "call tools or answer, not both in one turn: look at the results first"
            )
        if len(answers) > 1:
            raise Unparseable("there are two <answer>: give one")
        if answers:
            return Reply(outside, answer=answers[0].strip())
        if not bodies:
            raise Unparseable(
                f"there is neither a call nor an answer: write\n{_SHAPE}\nor {_ANSWER_SHAPE}"
            )
        found = []
        for number, body in enumerate(bodies, 1):
            where = f"<tool_call> number {number}" if len(bodies) > 1 else "<tool_call>"
            found.append(read_call(read_object(body, where), where))
        return Reply(outside, calls=tuple(found))

    def write(self, reply: Reply) -> str:
        parts = [reply.thought] if reply.thought else []
        for call in reply.calls:
            body = {"name": call.name, "arguments": call.arguments}
            parts.append(f"<tool_call>\n{json.dumps(body, ensure_ascii=False)}\n</tool_call>")
        if reply.answer is not None:
            parts.append(f"<answer>{reply.answer}</answer>")
        return "\n".join(parts)

    def observation(self, results: Sequence[tuple[str, str]]) -> str:
        return "\n".join(f"<tool_response>\n{result}\n</tool_response>" for _, result in results)


class BriefHermesDialect(HermesDialect):
    """The same with a line for each tool instead of its schema: for small models and contexts."""

    name: ClassVar[str] = "hermes-brief"

    def instructions(self, contracts: Sequence[ToolContract]) -> str:
        if not contracts:
            return super().instructions(contracts)
        return (
            f"{TASK}\n{signatures(contracts)}\n{coordinates_in_words(self.space)}\n"
            f"{_SHAPE}\nor {_ANSWER_SHAPE}"
        )


@lru_cache(maxsize=64)
def _tools(contracts: tuple[ToolContract, ...], space: CoordinateSpace) -> str:
    """A line of JSON for each: the same for all episodes, which may start at once."""
    told = openai_tools(contracts, space)
    return "\n".join(json.dumps(tool, ensure_ascii=False) for tool in told)


def _split(text: str) -> tuple[str, list[tuple[str, str]]]:
    """The text outside all tags, and (tag, body) of each. Raises: Unparseable."""
    outside: list[str] = []
    parts: list[tuple[str, str]] = []
    opened, start = "", 0
    for match in _TAG.finditer(text):
        closing, tag = bool(match[1]), match[2]
        if not closing and not opened:
            outside.append(text[start : match.start()])
            opened, start = tag, match.end()
        elif closing and tag == opened:
            parts.append((tag, text[start : match.start()]))
            opened, start = "", match.end()
        elif not opened:
            raise Unparseable(f"</{tag}> closes nothing: write <{tag}> before it")
    if opened:
        raise Unparseable(f"<{opened}> is not closed: write </{opened}> after it")
    outside.append(text[start:])
    return "".join(outside).strip(), parts
