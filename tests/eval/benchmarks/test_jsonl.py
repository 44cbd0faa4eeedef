"""Questions of one's own."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import pytest

from thinkimg_eval.benchmarks.jsonl import jsonl
from thinkimg_rpc.errors import InvalidRequest

from .tiny import picture, write

LINE = {"question": "How many?", "image": "pictures/1.png", "answer": "3"}


def _file(folder: Path, *lines: Any) -> Path:
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    write(folder / "pictures" / "1.png", picture(1))
    write(folder / "pictures" / "2.png", picture(2))
    return write(folder / "mine.jsonl", text.encode())


def test_a_line_is_a_question_with_images_beside_the_file(tmp_path: Path) -> None:
    full = {
        "id": "b",
        "question": "Which?",
        "images": ["pictures/1.png", "pictures/2.png"],
        "answer": ["cat", "a cat"],
        "category": "animals",
        "choices": ["cat", "dog"],
        "tolerance": 0.1,
        "max_image_pixels": 12,
    }
    task = jsonl(path=_file(tmp_path, LINE, "", full))
    first, second = task.samples
    assert (first.id, first.truth, first.images) == ("1", "3", (picture(1),))
    assert (second.id, second.truth, second.accepted) == ("b", "cat", ("a cat",))
    assert second.images == (picture(1), picture(2))
    assert (second.category, second.max_image_pixels) == ("animals", 12)
    assert second.details == {"choices": ["cat", "dog"], "tolerance": 0.1}
    assert task.name == "mine"


def test_the_scorer_is_named_and_the_prompt_given(tmp_path: Path) -> None:
    task = jsonl(path=_file(tmp_path, LINE), scorer="exact", prompt="In one word.")
    assert task.scorer("3.0", task.samples[0]) == 0
    assert task.prompt == "In one word."


def test_a_judge_can_decide_instead(tmp_path: Path) -> None:
    task = jsonl(path=_file(tmp_path, LINE), judge="openai:gpt-4o")
    assert inspect.iscoroutinefunction(task.scorer)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{", "line 2: is no JSON"),
        ("[]", "line 2: is no JSON object"),
        ({**LINE, "anwser": "3"}, "line 2, anwser: is no field; there are question"),
        ({**LINE, "question": ""}, "line 2, question: write text"),
        ({**LINE, "answer": 3}, "line 2, answer: write text, or a list"),
        ({**LINE, "answer": []}, "line 2, answer: write text, or a list"),
        ({**LINE, "answer": " "}, "line 2, answer: write text, or a list"),
        ({"question": "?", "answer": "3"}, "line 2, image: is missing"),
        ({"question": "?", "image": "pictures/1.png"}, "line 2, answer: is missing; write text"),
        ({**LINE, "image": "no.png"}, "line 2, image: there is no file"),
        ({**LINE, "images": "no.png"}, "line 2, images: write a list"),
        ({**LINE, "tolerance": -1}, "line 2, tolerance: write a number"),
        ({**LINE, "tolerance": True}, "line 2, tolerance: write a number"),
        ({**LINE, "max_image_pixels": 0}, "line 2, max_image_pixels: write a whole"),
        ({**LINE, "choices": "ab"}, "line 2, choices: write a list"),
        ({**LINE, "id": "1"}, 'two questions with id "1"'),
    ],
)
def test_what_is_wrong_is_said_with_its_line_and_field(
    tmp_path: Path, line: Any, problem: str
) -> None:
    with pytest.raises(InvalidRequest) as raised:
        jsonl(path=_file(tmp_path, LINE, line))
    assert problem in str(raised.value)


def test_a_file_that_is_not_there_or_empty_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="there is no file"):
        jsonl(path=tmp_path / "none.jsonl")
    with pytest.raises(InvalidRequest, match="has no questions"):
        jsonl(path=write(tmp_path / "empty.jsonl", b"\n"))
