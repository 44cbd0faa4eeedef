"""ShareGPT's format as others write it."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from thinkimg_agent.trajectory import Trajectory
from thinkimg_agent.trajectory_file import read_trajectories
from thinkimg_rpc.errors import InvalidRequest
from thinkimg_train.formats.converting import import_rows

from .recorded import picture


def imported(folder: Path, *rows: dict[str, Any]) -> list[Trajectory]:
    (folder / "1.png").write_bytes(picture(1))
    file = folder / "chats.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in rows) + "\n")
    import_rows("sharegpt", file, folder / "out")
    return list(read_trajectories(folder / "out"))


def test_a_question_and_its_answer_are_an_episode_without_calls(tmp_path: Path) -> None:
    [episode] = imported(
        tmp_path,
        {
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "<image>\nHow many?"},
                {"role": "assistant", "content": "7"},
            ],
            "images": ["1.png"],
        },
    )
    assert (episode.system, episode.question, episode.answer) == ("Be brief.", "How many?", "7")
    assert (episode.dialect, episode.turns[0].text) == ("native", "7")


def test_calls_of_llama_factorys_roles_are_put_into_the_text(tmp_path: Path) -> None:
    crop = {"name": "Crop", "arguments": {"image": "img_1"}}
    [episode] = imported(
        tmp_path,
        {
            "conversations": [
                {"from": "human", "value": "<image>How many?"},
                {"from": "function_call", "value": f"<think>Closer.</think>{json.dumps(crop)}"},
                {"from": "observation", "value": '{"image": "img_2"}<image>'},
                {"from": "gpt", "value": "7"},
            ],
            "tools": '[{"name": "Crop"}]',
            "images": ["1.png", "1.png"],
        },
    )
    assert episode.system == '# Tools\n\n<tools>\n[{"name": "Crop"}]\n</tools>'
    assert (episode.dialect, episode.answer) == ("hermes", "7")
    assert episode.turns[0].thought == "Closer."
    [call] = episode.turns[0].calls
    assert (call.name, call.observation) == ("Crop", '{"image": "img_2"}')
    assert [(image.turn, image.call) for image in episode.images] == [(-1, -1), (0, 0)]


def test_images_may_be_data_urls_and_ids_are_kept(tmp_path: Path) -> None:
    url = f"data:image/png;base64,{base64.b64encode(picture(9)).decode()}"
    [episode] = imported(
        tmp_path,
        {
            "id": "a-1",
            "conversations": [
                {"from": "human", "value": "<image>\nHow many?"},
                {"from": "gpt", "value": "<answer>7</answer>"},
            ],
            "image": url,
        },
    )
    assert (episode.sample_id, episode.dialect, len(episode.images)) == ("a-1", "hermes", 1)


@pytest.mark.parametrize(
    ("conversation", "says"),
    [
        (
            [("human", "How many?"), ("gpt", "7"), ("human", "Why?"), ("gpt", "So.")],
            r"line 1, conversations\[2\]\.value: somebody speaks after the answer",
        ),
        (
            [("human", "How many?"), ("function_call", "Crop")],
            r'line 1, conversations\[1\]\.value: write \{"name"',
        ),
        ([("human", "a"), ("gpt", "<tool_call>")], "line 1, conversations: in no dialect"),
        ([("human", "a"), ("human", "b")], "in no dialect|the user speaks twice"),
    ],
)
def test_what_is_no_episode_is_named(
    tmp_path: Path, conversation: list[tuple[str, str]], says: str
) -> None:
    talk = [{"from": speaker, "value": text} for speaker, text in conversation]
    with pytest.raises(InvalidRequest, match=says):
        imported(tmp_path, {"conversations": talk})


def test_a_broken_line_is_named_or_left_out(tmp_path: Path) -> None:
    good = {"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]}
    file = tmp_path / "chats.jsonl"
    file.write_bytes(json.dumps(good).encode() + b'\n\n{"con\n\xff\n[3]\n')
    with pytest.raises(InvalidRequest, match=r"chats\.jsonl, line 3: is no JSON"):
        import_rows("sharegpt", file, tmp_path / "out")
    tally = import_rows("sharegpt", file, tmp_path / "again", on_bad="skip")
    assert tally.taken == 1
    assert [problem.split(", ")[1].split(":")[0] for problem in tally.skipped] == [
        "line 3",
        "line 4",
        "line 5",
    ]
