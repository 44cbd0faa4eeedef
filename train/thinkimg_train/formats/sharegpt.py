"""ShareGPT's format, as LLaMA-Factory reads and writes it with images.

[{"conversations": [{"from": "human", "value": "<image>…"}, {"from": "gpt", "value": "…"}],
  "images": ["a.png"], "system": "…"}]

Also the flavour of OpenAI's messages: {"messages": [{"role": "user", "content": "…"}]}. Where
calls are said by "function_call" and results by "observation", they are put as Hermes models
write them, which is what LLaMA-Factory does with them, too; the last words are the answer.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from thinkimg_agent.dialects import HermesDialect
from thinkimg_agent.dialects.lenient_json import read_call
from thinkimg_agent.reply import Reply, Unparseable
from thinkimg_agent.trajectory import Trajectory
from thinkimg_train.formats.chat import MARK, Chat, ChatMessage
from thinkimg_train.formats.pictures import kept_picture, pictures_of
from thinkimg_train.formats.rows import Row

Role = Literal["system", "user", "assistant"]
ROLES: Mapping[str, Role] = {
    "system": "system",
    "human": "user",
    "user": "user",
    "observation": "user",
    "tool": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "model": "assistant",
    "function_call": "assistant",
}
FILE = "data.json"
_DATASET_INFO = {
    "file_name": FILE,
    "formatting": "sharegpt",
    "columns": {"messages": "conversations", "system": "system", "images": "images"},
}


def read_chat(row: Row, roots: Sequence[Path]) -> Chat:
    """The conversation of a row, with blemishes and all. Raises: BadRow."""
    name = next((one for one in ("conversations", "messages") if one in row.value), None)
    if name is None:
        raise row.bad("conversations", 'is missing; there is no "messages" either')
    listed = row.value[name]
    if not isinstance(listed, list) or not listed:
        raise row.bad(name, "write a list of messages")
    messages = [_message(row, f"{name}[{at}]", one) for at, one in enumerate(listed)]
    system = str(row.value.get("system") or "")
    if row.value.get("tools"):
        system = f"{system}\n\n# Tools\n\n<tools>\n{row.value['tools']}\n</tools>".strip()
    if system and messages[0].role != "system":
        messages.insert(0, ChatMessage("system", system, "system"))
    if any(_speaker(one) == "function_call" for one in listed):
        messages[-1] = _as_answer(messages[-1])
    images = "images" if "images" in row.value else "image"
    return Chat(tuple(messages), tuple(pictures_of(row, images, roots)))


def write_chats(chats: Iterable[tuple[Trajectory, Chat]], out: Path, name: str = "thinkimg") -> int:
    """A folder for LLaMA-Factory: data.json, images, and dataset_info.json.

    What it has no use for stands in further columns, which it passes over. Returns how many.
    """
    out.mkdir(parents=True, exist_ok=True)
    rows = [_written(trajectory, chat, out) for trajectory, chat in chats]
    (out / FILE).write_text(json.dumps(rows, ensure_ascii=False, indent=1), encoding="utf-8")
    info = json.dumps({name: _DATASET_INFO}, indent=2)
    (out / "dataset_info.json").write_text(info + "\n", encoding="utf-8")
    return len(rows)


def columns_of(trajectory: Trajectory) -> dict[str, Any]:
    """What an episode has beside its conversation."""
    return {
        "id": trajectory.sample_id,
        "truth": trajectory.truth,
        "category": trajectory.category,
        "score": trajectory.score,
        "dialect": "hermes" if trajectory.dialect == "native" else trajectory.dialect,
        "coordinates": trajectory.coordinates,
    }


def _written(trajectory: Trajectory, chat: Chat, out: Path) -> dict[str, Any]:
    speaks = {"user": "human", "assistant": "gpt"}
    system = [message.text for message in chat.messages if message.role == "system"]
    return {
        "conversations": [
            {"from": speaks[message.role], "value": message.text}
            for message in chat.messages
            if message.role != "system"
        ],
        "system": "\n".join(system),
        "images": [kept_picture(out, image) for image in chat.images],
        **columns_of(trajectory),
    }


def _message(row: Row, where: str, value: Any) -> ChatMessage:
    if not isinstance(value, dict):
        raise row.bad(where, 'write {"from": …, "value": …}')
    speaker, text = ("from", "value") if "from" in value else ("role", "content")
    role = ROLES.get(str(value.get(speaker)))
    if role is None:
        raise row.bad(f"{where}.{speaker}", f'"{value.get(speaker)}" is none of {", ".join(ROLES)}')
    if not isinstance(value.get(text), str):
        raise row.bad(f"{where}.{text}", "write the text of the message")
    said = value[text]
    if _speaker(value) == "function_call":
        said = _as_calls(row, f"{where}.{text}", said)
    elif _speaker(value) == "observation" and not said.startswith("<tool_response>"):
        marks = MARK * said.count(MARK)
        said = f"<tool_response>\n{said.replace(MARK, '').strip()}\n</tool_response>{marks}"
    return ChatMessage(role, said, f"{where}.{text}")


def _speaker(value: Any) -> str:
    return str(value.get("from", value.get("role"))) if isinstance(value, dict) else ""


def _as_calls(row: Row, where: str, text: str) -> str:
    """{"name": …, "arguments": {…}}, one or a list of them, after a thought or none."""
    thought, _, written = text.rpartition("</think>")
    try:
        value = json.loads(written)
        listed = value if isinstance(value, list) else [value]
        calls = tuple(read_call(one, where) for one in listed)
    except (ValueError, Unparseable) as problem:
        raise row.bad(where, f'write {{"name": …, "arguments": {{…}}}}: {problem}') from problem
    thought = thought.replace("<think>", "").strip()
    return HermesDialect().write(Reply(thought, calls=calls))


def _as_answer(message: ChatMessage) -> ChatMessage:
    if message.role != "assistant" or "<answer>" in message.text or "<tool_call>" in message.text:
        return message
    return replace(message, text=HermesDialect().write(Reply(answer=message.text.strip())))
