"""Tool calls of the server's own: it takes them out of the text by itself.

OpenAI's chat completions, and whatever speaks like them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar

from thinkimg_agent.coordinates import coordinates_in_words
from thinkimg_agent.dialects.dialect import TASK, TOOLS_HELP, Dialect
from thinkimg_agent.reply import Reply, Unparseable, WrittenCall
from thinkimg_rpc.contract import ToolContract

_ANSWER = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)
_HOW_TO_ANSWER = "answer, in as few words as will do, inside <answer></answer>."


class NativeDialect(Dialect):
    """Calls come apart from the text; a turn without any is the answer."""

    name: ClassVar[str] = "native"

    def instructions(self, contracts: Sequence[ToolContract]) -> str:
        if not contracts:
            return f"{TASK} Think, then {_HOW_TO_ANSWER}"
        return "\n\n".join(
            [
                f"{TASK} {TOOLS_HELP} Then {_HOW_TO_ANSWER}",
                f"# Coordinates\n\n{coordinates_in_words(self.space)}",
            ]
        )

    def _parse(self, text: str, calls: Sequence[WrittenCall]) -> Reply:
        if calls:
            return Reply(text.strip(), calls=tuple(calls))
        answers = _ANSWER.findall(text)
        if len(answers) > 1:
            raise Unparseable("there are two <answer>: give one")
        if answers:
            return Reply(_ANSWER.sub("", text).strip(), answer=answers[0].strip())
        if not text.strip():
            raise Unparseable("the turn is empty: call a tool, or write <answer>…</answer>")
        return Reply(answer=text.strip())

    def write(self, reply: Reply) -> str:
        if reply.answer is None:
            return reply.thought
        answer = f"<answer>{reply.answer}</answer>"
        return f"{reply.thought}\n{answer}" if reply.thought else answer

    def observation(self, results: Sequence[tuple[str, str]]) -> str:
        # Each result travels in a message of its own; this is for people.
        return "\n".join(f"{tool}: {result}" for tool, result in results)
