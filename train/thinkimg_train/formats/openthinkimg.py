"""OpenThinkIMG's training data (Su et al., arXiv 2505.08617).

Its SFT set is ShareGPT's format: `conversations` of "human" and "gpt", `images` in the order
of their marks. The first message has the system prompt before "Question: ", each turn is a JSON
object with a thought and actions, and places are percent of the image. Its RL set has one
question a row: `image_path`, `question`, and `label` or `solution`.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from thinkimg_agent.coordinates import CoordinateSpace
from thinkimg_agent.dialects import OpenThinkImgDialect
from thinkimg_agent.sample import Sample
from thinkimg_agent.trajectory import Trajectory
from thinkimg_train.formats.chat import MARK, Chat, ChatMessage
from thinkimg_train.formats.episodes import LABELLED_MARK, episode_of, space_of
from thinkimg_train.formats.pictures import kept_picture, picture_of
from thinkimg_train.formats.rows import Row
from thinkimg_train.formats.sharegpt import columns_of

DIALECT = OpenThinkImgDialect(CoordinateSpace.PERCENT)
_QUESTION = "\n\nQuestion: "
_IN_ANSWER = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)
QUESTIONS = "questions.jsonl"


def read_episode(row: Row, chat: Chat, mended: Counter[str]) -> Trajectory:
    """A row of its SFT set, whose images are in place. Raises: BadRow."""
    chat = replace(chat, messages=tuple(_opened(chat.messages, mended)))
    chat = replace(chat, messages=tuple(_until_answer(chat.messages, mended)))
    # Rows that were exported here say how they count; all others count percent.
    dialect = OpenThinkImgDialect(space_of(row)) if "coordinates" in row.value else DIALECT
    return episode_of(row, chat, dialect, "openthinkimg")


def write_conversations(
    chats: Iterable[tuple[Trajectory, Chat]], out: Path, mended: Counter[str]
) -> int:
    """A file as its `sft.py` reads it, with images beside it. Returns how many rows it has."""
    out.mkdir(parents=True, exist_ok=True)
    rows = []
    for trajectory, chat in chats:
        system, *messages = chat.messages
        first = replace(messages[0], text=_with_system(system.text, messages[0].text))
        more = sum(max(0, message.marks - 1) for message in messages)
        if more:
            mended["an image its trainer passes over, the second of a message"] += more
        if trajectory.coordinates != DIALECT.space.value:
            mended[f"places in {trajectory.coordinates}, where its own data count 0-100"] += 1
        rows.append(
            {
                "conversations": [
                    {"from": "gpt" if one.role == "assistant" else "human", "value": one.text}
                    for one in (first, *messages[1:])
                ],
                "images": [kept_picture(out, image) for image in chat.images],
                **columns_of(trajectory),
            }
        )
    _write_json(out / "data.json", rows)
    return len(rows)


def read_question(
    row: Row, out: Path, query_key: str, roots: Sequence[Path], mended: Counter[str]
) -> dict[str, Any]:
    """A row of its RL set as a line for the task `jsonl`. Raises: BadRow."""
    question = row.value.get(query_key)
    if not isinstance(question, str) or not question.strip():
        here = ", ".join(row.value)
        raise row.bad(
            query_key, f"is no question; say where it is with --query-key: there is {here}"
        )
    if "image_path" not in row.value:
        raise row.bad("image_path", "is missing")
    answer = row.value.get("solution", row.value.get("label"))
    if isinstance(answer, bool) or not isinstance(answer, str | int | float):
        raise row.bad("label", "is missing, and so is solution; write the right answer")
    text = str(answer).strip()
    if found := _IN_ANSWER.search(text):
        text = found[1].strip()
        mended["<answer> around the right answer"] += 1
    if not text:
        raise row.bad("label", "is blank")
    if MARK in question:
        question = question.replace(MARK, "").strip()
        mended[f"a stray {MARK} in a question"] += 1
    data = picture_of(row, "image_path", row.value["image_path"], roots)
    name = str(row.value.get("id", row.number))
    return {"id": name, "question": question, "image": kept_picture(out, data), "answer": text}


def write_questions(lines: Sequence[dict[str, Any]], out: Path) -> None:
    """questions.jsonl, for `--task jsonl --task.path`."""
    text = "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines)
    (out / QUESTIONS).write_text(text, encoding="utf-8")


def write_rl(samples: Iterable[Sample], out: Path, query_key: str) -> int:
    """A file as its `tool_grpo.py` reads it, with images beside it. Returns how many rows.

    Raises: ValueError, for a sample with more images than one, or no truth.
    """
    out.mkdir(parents=True, exist_ok=True)
    rows = []
    for sample in samples:
        if len(sample.images) != 1 or sample.truth is None:
            raise ValueError(f"{sample.id} needs one image and a right answer")
        rows.append(
            {
                "id": sample.id,
                "image_path": kept_picture(out, sample.images[0]),
                query_key: sample.question,
                "label": sample.truth,
            }
        )
    _write_json(out / "data.json", rows)
    return len(rows)


def _opened(messages: Sequence[ChatMessage], mended: Counter[str]) -> list[ChatMessage]:
    """The system prompt of the first message as a message of its own."""
    if not messages or messages[0].role == "system":
        return list(messages)
    first, *rest = messages
    system, found, question = first.text.rpartition(_QUESTION)
    if not found:
        return list(messages)
    # The image stands before the prompt; it belongs to the question.
    marks = system.count(MARK)
    system = LABELLED_MARK.sub("", system).strip()
    asked = replace(first, text=f"{f'{MARK}{chr(10)}' * marks}{question}")
    return [ChatMessage("system", system, first.where), asked, *rest]


def _until_answer(messages: Sequence[ChatMessage], mended: Counter[str]) -> list[ChatMessage]:
    """Without what is said after the answer, as long as it shows no image."""
    last = max((at for at, one in enumerate(messages) if one.role == "assistant"), default=None)
    if last is None or last + 1 == len(messages):
        return list(messages)
    if any(message.marks for message in messages[last + 1 :]):
        return list(messages)
    mended["words after the answer"] += 1
    return list(messages[: last + 1])


def _with_system(system: str, text: str) -> str:
    question = LABELLED_MARK.sub("", text)
    return f"{f'{MARK}{chr(10)}' * text.count(MARK)}{system}{_QUESTION}{question}"


def _write_json(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    path.write_text(json.dumps(rows, ensure_ascii=False, indent=1), encoding="utf-8")
