"""What a trainer takes from a run is the same after a way through another format."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings

from thinkimg_agent.checking import problems
from thinkimg_agent.dialects import DIALECTS
from thinkimg_agent.trajectory import Trajectory
from thinkimg_agent.trajectory_file import read_trajectories
from thinkimg_eval.benchmarks.jsonl import jsonl
from thinkimg_rpc.errors import InvalidRequest
from thinkimg_train.collect.card import content_hash
from thinkimg_train.formats.converting import (
    Format,
    export_run,
    import_rows,
    write_answers,
)

from .recorded import episode, episodes, looked, picture, run_of

FILES: dict[Format, str] = {
    "sharegpt": "data.json",
    "openthinkimg": "data.json",
    "datasets": "train.parquet",
}


def there_and_back(kind: Format, run: Path, folder: Path) -> list[Trajectory]:
    export_run(kind, run, folder / "there")
    import_rows(kind, folder / "there" / FILES[kind], folder / "back")
    back = list(read_trajectories(folder / "back"))
    assert [said for one in back for said in problems(one, folder / "back")] == []
    return back


@settings(max_examples=25, deadline=None)
@given(episodes())
def test_any_episode_comes_back_from_sharegpt(trajectory: Trajectory) -> None:
    folder = Path(tempfile.mkdtemp())
    try:
        back = there_and_back("sharegpt", run_of(folder / "run", trajectory), folder)
    finally:
        shutil.rmtree(folder)
    assert content_hash(back) == content_hash([trajectory])
    [one] = back
    assert one.dialect == trajectory.dialect
    assert (one.coordinates, one.truth, one.score) == (trajectory.coordinates, "7", 1.0)
    errors = [[call.error for call in turn.calls] for turn in trajectory.turns]
    assert [[call.error for call in turn.calls] for turn in one.turns] == errors


@settings(max_examples=25, deadline=None)
@given(episodes().filter(lambda one: one.dialect == "openthinkimg"))
def test_any_episode_in_its_dialect_comes_back_from_openthinkimg(trajectory: Trajectory) -> None:
    folder = Path(tempfile.mkdtemp())
    try:
        back = there_and_back("openthinkimg", run_of(folder / "run", trajectory), folder)
    finally:
        shutil.rmtree(folder)
    assert content_hash(back) == content_hash([trajectory])


def test_the_hubs_datasets_lose_nothing(tmp_path: Path) -> None:
    before = [looked(0), looked(1, "openthinkimg")]
    reduced = looked(2)
    small = picture(200, 4, 3)
    image = reduced.images[0]
    [name] = [digest for digest in reduced.pictures if digest == image.digest]
    image.shown_digest = run_digest(small)
    image.shown_width, image.shown_height = 4, 3
    reduced.pictures = {**reduced.pictures, image.shown_digest: small, name: reduced.pictures[name]}
    before.append(reduced)
    back = there_and_back("datasets", run_of(tmp_path / "run", *before), tmp_path)
    bare = [msgspec.structs.replace(one, pictures={}) for one in before]
    assert back == bare


def run_digest(data: bytes) -> str:
    from thinkimg_rpc.digest import digest_of

    return digest_of(data)


def test_a_dataset_is_one_that_others_can_load(tmp_path: Path) -> None:
    from datasets import load_dataset

    export_run("datasets", run_of(tmp_path / "run", looked()), tmp_path / "out")
    loaded = load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))["train"]
    [row] = loaded
    assert [message["role"] for message in row["messages"]] == [
        "system",
        "user",
        "assistant",
        "user",
        "assistant",
        "user",
        "assistant",
    ]
    assert [image.size for image in row["images"]] == [(8, 6), (8, 6)]
    assert row["truth"] == "7"


def test_a_saved_dataset_of_another_project_is_read_as_its_rows_are_written(
    tmp_path: Path,
) -> None:
    from datasets import Dataset, Features, Image, List, Value

    export_run("sharegpt", run_of(tmp_path / "run", looked()), tmp_path / "there")
    [row] = json.loads((tmp_path / "there" / "data.json").read_text())
    images = [(tmp_path / "there" / path).read_bytes() for path in row["images"]]
    text = Value("string")
    features = Features(
        {
            "conversations": List({"from": text, "value": text}),
            "images": List(Image()),
            "system": text,
        }
    )
    one = {
        "conversations": row["conversations"],
        "images": [{"bytes": data, "path": None} for data in images],
        "system": row["system"],
    }
    Dataset.from_list([one], features=features).save_to_disk(str(tmp_path / "saved"))
    import_rows("datasets", tmp_path / "saved", tmp_path / "back")
    [back] = read_trajectories(tmp_path / "back")
    assert [turn.text for turn in back.turns] == [turn.text for turn in looked().turns]


def test_native_calls_are_put_into_the_text(tmp_path: Path) -> None:
    native = episode(("I look.", []), dialect="native")
    native.turns[0].calls = looked().turns[1].calls[1:]
    native.turns[0].calls[0].call_id = "c1"
    native.tools = ["Crop"]
    native.images.append(msgspec.structs.replace(native.images[0], name="img_2", turn=0, call=0))
    tally = export_run("sharegpt", run_of(tmp_path / "run", native), tmp_path / "there")
    assert tally.mended == {"native calls, now in the text": 1}
    [row] = json.loads((tmp_path / "there" / "data.json").read_text())
    assert "<tool_call>" in row["conversations"][1]["value"]


def test_an_episode_whose_image_is_gone_is_named_and_left_out(tmp_path: Path) -> None:
    run = run_of(tmp_path / "run", looked(0), looked(1))
    shutil.rmtree(run / "images")
    tally = export_run("sharegpt", run, tmp_path / "there")
    assert tally.taken == 0
    assert tally.skipped[0] == f"{run}, line 1: the image img_1 is not there"


def test_llama_factory_is_told_of_the_file(tmp_path: Path) -> None:
    export_run("sharegpt", run_of(tmp_path / "run", looked()), tmp_path / "there")
    info = json.loads((tmp_path / "there" / "dataset_info.json").read_text())["thinkimg"]
    [row] = json.loads((tmp_path / "there" / info["file_name"]).read_text())
    assert info["formatting"] == "sharegpt"
    assert all(column in row for column in info["columns"].values())
    marks = sum(message["value"].count("<image>") for message in row["conversations"])
    assert marks == len(row["images"]) == 2
    # Its rule: the user and the tools speak at odd places, the model at even ones.
    assert [message["from"] for message in row["conversations"]] == ["human", "gpt"] * 3


def test_a_word_that_looks_like_an_image_is_none(tmp_path: Path) -> None:
    odd = episode(question="What does <image> mean?")
    tally = export_run("sharegpt", run_of(tmp_path / "run", odd), tmp_path / "there")
    assert tally.mended == {"<image> that was a word, now < image>": 1}
    import_rows("sharegpt", tmp_path / "there" / "data.json", tmp_path / "back")
    [back] = read_trajectories(tmp_path / "back")
    assert back.question == "What does < image> mean?"


@pytest.mark.parametrize("query_key", ["question", "query"])
def test_questions_for_rl_come_back_as_a_task(tmp_path: Path, query_key: str) -> None:
    run = run_of(tmp_path / "run", looked(0), looked(1))
    export_run("openthinkimg-rl", run, tmp_path / "there", query_key=query_key)
    [first, _] = json.loads((tmp_path / "there" / "data.json").read_text())
    assert first.keys() == {"id", "image_path", query_key, "label"}
    import_rows(
        "openthinkimg-rl", tmp_path / "there" / "data.json", tmp_path / "back", query_key=query_key
    )
    task = jsonl(path=tmp_path / "back" / "questions.jsonl")
    assert [(one.id, one.question, one.truth) for one in task.samples] == [
        ("q0", "How many?", "7"),
        ("q1", "How many?", "7"),
    ]
    assert task.samples[1].images == (picture(11),)
    again = export_run("openthinkimg-rl", tmp_path / "back" / "questions.jsonl", tmp_path / "again")
    assert again.taken == 2


def test_a_folder_that_holds_something_is_not_written_into(tmp_path: Path) -> None:
    run = run_of(tmp_path / "run", looked())
    with pytest.raises(InvalidRequest, match="is not empty; give another --out"):
        export_run("sharegpt", run, run)


@pytest.mark.parametrize("dialect", ["hermes", "openthinkimg", "native"])
def test_the_same_questions_can_be_had_without_tools(tmp_path: Path, dialect: str) -> None:
    write_answers(run_of(tmp_path / "run", looked(0, dialect)), tmp_path / "out")
    [bare] = read_trajectories(tmp_path / "out")
    assert list(problems(bare, tmp_path / "out")) == []
    assert (len(bare.images), len(bare.turns), bare.tools) == (1, 1, [])
    said = DIALECTS[dialect]().parse(bare.turns[0].text)
    assert (said.thought, said.answer) == ("", "7")
    assert "OCR" not in bare.system
    assert len(list((tmp_path / "out" / "images").rglob("*.png"))) == 1
