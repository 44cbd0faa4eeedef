"""OpenThinkIMG's dialect: one JSON object a turn, with a thought and actions.

Su et al., OpenThinkIMG (arXiv 2505.08617). `Terminate` ends the episode, and
only as an action: the word anywhere else is just a word.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, ClassVar

from thinkimg_agent.coordinates import CoordinateSpace, coordinates_in_words
from thinkimg_agent.dialects.dialect import TASK, TOOLS_HELP, Dialect
from thinkimg_agent.dialects.lenient_json import read_call, read_object
from thinkimg_agent.reply import Reply, Unparseable, WrittenCall
from thinkimg_rpc.contract import ToolContract
from thinkimg_rpc.schema import prompt_text

TERMINATE = "Terminate"
_ANSWER = "ans"
_SHAPE = '{"thought": "…", "actions": [{"name": "…", "arguments": {…}}]}'
_ANSWER_ACTION = f'{{"name": "{TERMINATE}", "arguments": {{"{_ANSWER}": "your answer"}}}}'
_ANSWER_SHAPE = f'{{"thought": "…", "actions": [{_ANSWER_ACTION}]}}'


class OpenThinkImgDialect(Dialect):
    """`{"thought": …, "actions": [{"name": …, "arguments": …}]}`, answers by `Terminate`."""

    name: ClassVar[str] = "openthinkimg"

    def instructions(self, contracts: Sequence[ToolContract]) -> str:
        if not contracts:
            return f"{TASK} Write one JSON object and nothing else:\n{_ANSWER_SHAPE}"
        return "\n\n".join(
            [
                f"{TASK} {TOOLS_HELP}",
                f"# Tools\n\n{_tools(tuple(contracts), self.space)}",
                f"# Coordinates\n\n{coordinates_in_words(self.space)}",
                "# How to write\n\n"
                f"Each turn is one JSON object and nothing else:\n{_SHAPE}\n"
                "Actions of one turn run side by side. To answer, use one action alone:\n"
                + _ANSWER_ACTION,
            ]
        )

    def _parse(self, text: str, calls: Sequence[WrittenCall]) -> Reply:
        try:
            turn = read_object(text, "the turn")
        except Unparseable as problem:
            raise Unparseable(f"{problem}; write {_SHAPE} and nothing else") from problem
        unknown = sorted(turn.keys() - {"thought", "actions"})
        if unknown:
            raise Unparseable(
                f'the turn has a key "{unknown[0][:40]}" it cannot have: write {_SHAPE}'
            )
        thought = turn.get("thought", "")
        if not isinstance(thought, str):
            raise Unparseable('"thought" must be text')
        actions = turn.get("actions")
        if not isinstance(actions, list) or not actions:
            raise Unparseable(f'"actions" must be a list of at least one action: write {_SHAPE}')
        found = tuple(read_call(action, f"actions[{i}]") for i, action in enumerate(actions))
        if not any(call.name == TERMINATE for call in found):
            return Reply(thought, calls=found)
        if len(found) > 1:
            raise Unparseable(
                f"{TERMINATE} must be the only action of its turn: look at the "
                "results of the others first"
            )
        return Reply(thought, answer=_answer_of(found[0].arguments))

    def write(self, reply: Reply) -> str:
        actions: list[dict[str, Any]] = [
            {"name": call.name, "arguments": call.arguments} for call in reply.calls
        ]
        if reply.answer is not None:
            actions = [{"name": TERMINATE, "arguments": {_ANSWER: reply.answer}}]
        return json.dumps({"thought": reply.thought, "actions": actions}, ensure_ascii=False)

    def observation(self, results: Sequence[tuple[str, str]]) -> str:
        return "\n".join(["OBSERVATION:", *(f"{tool}: {result}" for tool, result in results)])


@lru_cache(maxsize=64)
def _tools(contracts: tuple[ToolContract, ...], space: CoordinateSpace) -> str:
    """The same for all episodes, which may start at once."""
    return prompt_text(contracts, space)


def _answer_of(arguments: Any) -> str:
    answer = arguments.get(_ANSWER)
    if isinstance(answer, bool) or not isinstance(answer, str | int | float):
        raise Unparseable(f'{TERMINATE} needs {{"{_ANSWER}": "your answer"}}')
    return str(answer)
