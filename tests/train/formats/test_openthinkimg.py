"""OpenThinkIMG's own files, with the blemishes they have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from thinkimg_agent.checking import problems
from thinkimg_agent.trajectory import Trajectory
from thinkimg_agent.trajectory_file import read_trajectories
from thinkimg_rpc.cli import main
from thinkimg_rpc.errors import InvalidRequest
from thinkimg_train.formats.converting import import_rows
from thinkimg_train.formats.rows import Tally

from .recorded import picture

SYSTEM = "You are a visual assistant capable of generating and solving steps."
POINT = '<point x="24.0" y="67.7" alt="2015">2015</point>'


def says(thought: str, name: str, **arguments: Any) -> dict[str, str]:
    turn = {"thought": thought, "actions": [{"name": name, "arguments": arguments}]}
    return {"from": "gpt", "value": json.dumps(turn)}


def asks(text: str) -> dict[str, str]:
    return {"from": "human", "value": text}


def conversation() -> list[dict[str, str]]:
    """As their SFT set has them: one action a turn, places in percent."""
    return [
        asks(f"<image>\n{SYSTEM}\n\nQuestion: How high is 2015?"),
        says("I point at 2015.", "Point", image="img_1", param="2015"),
        asks(f"OBSERVATION:\nPoint model outputs: {POINT}"),
        says("I draw a line.", "DrawVerticalLineByX", image="img_1", param="x=24.0"),
        asks("OBSERVATION:\nDrawVerticalLineByX model outputs: line drawn\n<image>"),
        says("It is 7.", "Terminate", ans="7"),
    ]


def imported(
    folder: Path, *rows: Any, images: tuple[int, ...] = (1, 2), **options: Any
) -> tuple[list[Trajectory], Tally]:
    """What becomes of rows; lists of messages get these images."""
    for shade in set(images):
        (folder / f"{shade}.png").write_bytes(picture(shade))
    listed = [
        {"conversations": row, "images": [f"{shade}.png" for shade in images]}
        if isinstance(row, list)
        else row
        for row in rows
    ]
    (folder / "sft.json").write_text(json.dumps(listed))
    out = folder / "out"
    tally = import_rows("openthinkimg", folder / "sft.json", out, **options)
    found = list(read_trajectories(out))
    assert [said for one in found for said in problems(one, out)] == []
    return found, tally


def test_a_conversation_becomes_an_episode(tmp_path: Path) -> None:
    [episode], tally = imported(tmp_path, conversation())
    assert (tally.taken, tally.mended, tally.skipped) == (1, {}, [])
    assert episode.system == SYSTEM
    assert (episode.question, episode.answer) == ("How high is 2015?", "7")
    assert (episode.dialect, episode.coordinates) == ("openthinkimg", "0-100")
    assert [turn.thought for turn in episode.turns][:2] == ["I point at 2015.", "I draw a line."]
    [pointed], [drawn] = (turn.calls for turn in episode.turns[:2])
    assert (pointed.name, pointed.observation) == ("Point", POINT)
    assert drawn.observation == "line drawn"
    assert [(image.name, image.turn, image.call) for image in episode.images] == [
        ("img_1", -1, -1),
        ("img_2", 1, 0),
    ]


def test_a_stray_mark_in_what_the_assistant_says_is_dropped(tmp_path: Path) -> None:
    talk = conversation()
    talk[3] = says("I look at <image> again.", "DrawVerticalLineByX", image="img_1", param="x")
    [episode], tally = imported(tmp_path, talk)
    assert tally.mended == {"a stray <image> where no image can be": 1}
    assert episode.turns[1].thought == "I look at  again."
    assert len(episode.images) == 2


def test_a_doubled_mark_shows_its_image_once(tmp_path: Path) -> None:
    talk = conversation()
    talk[0]["value"] = "<image>\n" + talk[0]["value"]
    [episode], tally = imported(tmp_path, talk)
    assert tally.mended == {"a doubled <image> without an image": 1}
    assert [image.turn for image in episode.images] == [-1, 1]
    assert (episode.system, episode.question) == (SYSTEM, "How high is 2015?")


def test_an_image_listed_twice_in_a_row_is_taken_once(tmp_path: Path) -> None:
    [episode], tally = imported(tmp_path, conversation(), images=(1, 1, 2))
    assert tally.mended == {"an image listed twice in a row": 1}
    assert [image.turn for image in episode.images] == [-1, 1]


def test_an_image_that_a_message_shows_twice_is_shown_once(tmp_path: Path) -> None:
    talk = conversation()
    talk[0]["value"] = "<image>\n" + talk[0]["value"]
    [episode], tally = imported(tmp_path, talk, images=(1, 1, 2))
    assert tally.mended == {"an image shown twice in one message": 1}
    assert len(episode.images) == 2


def test_words_after_the_answer_are_dropped(tmp_path: Path) -> None:
    [episode], tally = imported(tmp_path, [*conversation(), asks("How high is 2015?")])
    assert tally.mended == {"words after the answer": 1}
    assert episode.answer == "7"


def changed(at: int, **fields: str) -> list[dict[str, str]]:
    talk = conversation()
    talk[at] = {**talk[at], **fields}
    return talk


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (["a"], r"row 2, conversations\[0\]: write \{"),
        ({}, "row 2, conversations: is missing"),
        ({"conversations": []}, "row 2, conversations: write a list of messages"),
        (changed(1, **{"from": "robot"}), r'conversations\[1\]\.from: "robot" is none of system'),
        (changed(1, value="I point."), r"conversations\[1\]\.value: the turn is not valid JSON"),
        (changed(2, **{"from": "gpt"}), r"conversations\[2\]\.value: calls are followed by"),
        (conversation()[:-1], "row 2, conversations: it ends without an answer|images for"),
        (conversation()[1:], "the first to speak must be the user"),
        (changed(4, value="OBSERVATION:\nnothing"), "images: 2 images for 1 times <image>"),
        (changed(2, value="<image> <image>"), "images: 2 images for 3 times <image>"),
        (
            {"conversations": conversation(), "images": ["1.png", "gone.png"]},
            r"images\[1\]: there is no file gone\.png; say where images are with --images",
        ),
        (
            {"conversations": conversation(), "images": ["1.png", "sft.json"]},
            r"images\[1\]: is no image",
        ),
    ],
)
def test_a_row_that_cannot_be_used_is_named_with_its_field_and_remedy(
    tmp_path: Path, row: Any, says: str
) -> None:
    with pytest.raises(InvalidRequest, match=says) as raised:
        imported(tmp_path, conversation(), row, conversation())
    assert str(raised.value).startswith(f"{tmp_path / 'sft.json'}, row 2, ")
    assert not (tmp_path / "out").exists()


def test_bad_rows_can_be_left_out_and_are_counted_and_named(tmp_path: Path) -> None:
    found, tally = imported(
        tmp_path, conversation(), changed(1, value="?"), conversation(), on_bad="skip"
    )
    assert [one.sample_id for one in found] == ["row-1", "row-3"]
    assert tally.taken == 2
    [problem] = tally.skipped
    assert "row 2, conversations[1].value: the turn is not valid JSON" in problem
    first, *_, last = tally.lines()
    assert first == "2 rows taken, 1 left out"
    assert last == f"  left out: {problem}"


def test_images_of_another_machine_are_found_by_their_names(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    for shade in (1, 2):
        (tmp_path / "pictures" / f"{shade}.png").write_bytes(picture(shade))
    row = {"conversations": conversation(), "images": ["/mnt/gone/1.png", "/mnt/gone/2.png"]}
    [episode], _ = imported(tmp_path, row, images=(), image_folders=[tmp_path / "pictures"])
    assert len(episode.images) == 2


@pytest.mark.parametrize("text", ["{", "3", "[3]"])
def test_a_file_that_is_no_list_of_rows_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "sft.json").write_text(text)
    with pytest.raises(InvalidRequest, match=r"sft\.json.*(is no JSON|write a)"):
        import_rows("openthinkimg", tmp_path / "sft.json", tmp_path / "out")


def question(**changed: Any) -> dict[str, Any]:
    row = {"image_path": "1.png", "question": "How high?", "label": "7"}
    return {name: value for name, value in {**row, **changed}.items() if value is not None}


def lines_of(folder: Path, *rows: dict[str, Any], **options: Any) -> tuple[list[Any], Tally]:
    (folder / "1.png").write_bytes(picture(1))
    (folder / "rl.json").write_text(json.dumps(rows))
    tally = import_rows("openthinkimg-rl", folder / "rl.json", folder / "out", **options)
    written = (folder / "out" / "questions.jsonl").read_text().splitlines()
    return [json.loads(line) for line in written], tally


def test_questions_for_rl_have_a_label_or_a_solution(tmp_path: Path) -> None:
    lines, tally = lines_of(
        tmp_path,
        question(),
        question(label=None, solution="<answer> 8 </answer>"),
        question(question=None, query="<image>\nHow low?", label=9),
        on_bad="skip",
    )
    assert [line["answer"] for line in lines] == ["7", "8"]
    assert tally.mended == {"<answer> around the right answer": 1}
    assert tally.skipped[0].endswith(
        "row 3, question: is no question; say where it is with --query-key: "
        "there is image_path, label, query"
    )


def test_the_column_of_the_question_can_be_named(tmp_path: Path) -> None:
    rows = [question(question=None, query="<image>\nHow low?", label=9)]
    [line], tally = lines_of(tmp_path, *rows, query_key="query")
    assert (line["question"], line["answer"]) == ("How low?", "9")
    assert tally.mended == {"a stray <image> in a question": 1}
    assert (tmp_path / "out" / line["image"]).read_bytes() == picture(1)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (question(image_path=None), "row 1, image_path: is missing"),
        (question(image_path="2.png"), r"row 1, image_path: there is no file 2\.png"),
        (question(label=None), "row 1, label: is missing, and so is solution"),
        (question(label=" "), "row 1, label: is blank"),
    ],
)
def test_a_question_that_cannot_be_used_is_named(
    tmp_path: Path, row: dict[str, Any], says: str
) -> None:
    with pytest.raises(InvalidRequest, match=says):
        lines_of(tmp_path, row)


def test_it_is_typed_as_a_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for shade in (1, 2):
        (tmp_path / f"{shade}.png").write_bytes(picture(shade))
    rows = [
        {"conversations": talk, "images": ["1.png", "1.png", "2.png"]}
        for talk in (conversation(), changed(1, value="?"))
    ]
    file = tmp_path / "sft.json"
    file.write_text(json.dumps(rows))
    words = ["data", "import", "openthinkimg", str(file), "--out", str(tmp_path / "run")]
    assert main(words) == 2
    assert "row 2, conversations[1].value: the turn is not valid JSON" in capsys.readouterr().err
    words = [*words[:-1], str(tmp_path / "again"), "--bad", "skip"]
    assert main(words) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[:2] == ["1 rows taken, 1 left out", "  2 times: an image listed twice in a row"]
    words = ["data", "export", "sharegpt", str(tmp_path / "again"), "--out"]
    assert main([*words, str(tmp_path / "there"), "--dialect", "hermes"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "1 rows taken, 0 left out"
    [row] = json.loads((tmp_path / "there" / "data.json").read_text())
    assert "<tool_call>" in row["conversations"][1]["value"]
