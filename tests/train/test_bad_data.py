"""Episodes that cannot be trained on: counted, named, and skipped or refused."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from thinkimg_agent.trajectory_file import TRAJECTORIES, image_path, read_trajectories
from thinkimg_rpc.errors import InvalidRequest
from thinkimg_train.bad_data import counts_of, report
from thinkimg_train.data_config import DataSection
from thinkimg_train.dataset import EpisodeDataset, open_dataset
from thinkimg_train.opening import open_data
from thinkimg_train.samples import TrainingSample

from ..workers.tiny_checkpoints import save_qwen_vl
from .recorded import dialect_named, record_three_turns

Record = dict[str, Any]
MAX_PIXELS = 1 << 14


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_qwen_vl(tmp_path_factory.mktemp("model")))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    record_three_turns(tmp_path / "run", dialect_named("hermes"), 4)
    return tmp_path / "run"


def opened(run: Path, model: str, **data: Any) -> EpisodeDataset:
    section: dict[str, Any] = {"trajectories": (run,), "max_pixels": MAX_PIXELS, **data}
    return open_dataset(DataSection(**section), model)


def change(run: Path, line: int, edit: Callable[[Record], None]) -> None:
    """Change the record in a line, counted from 0."""
    file = run / TRAJECTORIES
    lines = file.read_text().splitlines()
    record = json.loads(lines[line])
    edit(record)
    lines[line] = json.dumps(record)
    file.write_text("\n".join(lines) + "\n")


def replace_line(run: Path, line: int, text: str) -> None:
    file = run / TRAJECTORIES
    lines = file.read_text().splitlines()
    lines[line] = text
    file.write_text("\n".join(lines) + "\n")


def picture(run: Path, line: int, image: int) -> Path:
    record = list(read_trajectories(run))[line].images[image]
    path = image_path(run, record.shown_digest)
    assert path is not None
    return path


def lose_picture(run: Path) -> None:
    picture(run, 1, 1).unlink()


def spoil_picture(run: Path) -> None:
    path = picture(run, 1, 1)
    path.write_bytes(path.read_bytes()[:-20])


def break_line(run: Path) -> None:
    replace_line(run, 1, '{"format": 2, "sample_id": ')


def write_other_json(run: Path) -> None:
    replace_line(run, 1, "[]")


def add_image_that_no_call_made(run: Path) -> None:
    change(run, 1, lambda record: record["images"].append({**record["images"][1], "turn": 7}))


def lie_about_size(run: Path) -> None:
    change(run, 1, lambda record: record["images"][0].update(shown_width=17))


def say_too_much(run: Path) -> None:
    change(run, 1, lambda record: record["turns"][0].update(text="word " * 2000))


def say_nothing(run: Path) -> None:
    change(run, 1, lambda record: record.update(turns=[], images=record["images"][:1]))


FAULTS = {
    "image missing": lose_picture,
    "image damaged": spoil_picture,
    "broken line": break_line,
    "image count": add_image_that_no_call_made,
    "too long": say_too_much,
    "no turns": say_nothing,
}
OTHERS = [("broken line", write_other_json), ("image damaged", lie_about_size)]


@pytest.mark.parametrize(("kind", "spoil"), [*FAULTS.items(), *OTHERS])
def test_one_bad_episode_is_counted_and_named_and_the_others_are_trained_on(
    run: Path, model: str, kind: str, spoil: Callable[[Path], None]
) -> None:
    spoil(run)
    dataset = opened(run, model, max_tokens=4000)
    (left_out,) = dataset.left_out
    assert left_out.kind == kind
    assert f"{run / TRAJECTORIES}, line 2" in left_out.source
    assert len(dataset) == 3
    assert all(isinstance(dataset[n], TrainingSample) for n in range(3))


@pytest.mark.parametrize("kind", FAULTS)
def test_bad_data_is_refused_where_that_is_asked_for(run: Path, model: str, kind: str) -> None:
    FAULTS[kind](run)
    with pytest.raises(InvalidRequest, match="1 of 4 episodes cannot be trained on") as refusal:
        opened(run, model, max_tokens=4000, bad="refuse")
    assert f"{kind}: 1 of 4" in str(refusal.value)
    assert "line 2" in str(refusal.value)


def test_every_fault_of_a_file_is_counted(run: Path, model: str) -> None:
    say_too_much(run)
    picture(run, 3, 0).unlink()
    replace_line(run, 0, "what?")
    dataset = opened(run, model, max_tokens=4000)
    # Two of the four show the same picture.
    assert counts_of(dataset.left_out)["broken line"] == 1
    assert counts_of(dataset.left_out)["too long"] == 1
    assert counts_of(dataset.left_out)["image missing"] == len(dataset.left_out) - 2
    lines = report(dataset.left_out, 4)
    assert "left out, too long: 1 of 4" in lines


def test_nothing_to_train_on_is_said_with_the_reasons(run: Path, model: str) -> None:
    with pytest.raises(InvalidRequest, match="nothing to train on") as refusal:
        opened(run, model, max_tokens=10)
    assert "too long: 4 of 4" in str(refusal.value)
    assert "data.max_tokens is 10" in str(refusal.value)


def test_aborted_and_wrong_episodes_are_not_chosen_which_is_no_fault(run: Path, model: str) -> None:
    change(run, 0, lambda record: record.update(stop="aborted"))
    change(run, 1, lambda record: record.update(score=0.0))
    change(run, 2, lambda record: record.update(score=1.0))
    dataset = opened(run, model, min_score=1.0, bad="refuse")
    assert [place.entry.line for place in dataset.places] == [3]
    assert counts_of(dataset.left_out) == {"score": 2, "aborted": 1}


def test_an_episode_that_counts_pixels_is_not_shown_smaller_images(
    tmp_path: Path, model: str
) -> None:
    record_three_turns(tmp_path, dialect_named("hermes"))
    change(tmp_path, 0, lambda record: record.update(coordinates="pixels"))
    with pytest.raises(InvalidRequest, match="image too large: 1 of 1"):
        opened(tmp_path, model, max_pixels=40 * 40)
    assert len(opened(tmp_path, model, max_pixels=40 * 48)) == 1


def test_an_image_above_the_bound_is_shown_smaller_and_said_to_be(run: Path, model: str) -> None:
    dataset = opened(run, model)
    smaller = opened(run, model, max_pixels=30 * 30)
    assert (smaller.lengths.image_tokens < dataset.lengths.image_tokens).all()


def test_a_file_is_looked_through_once(
    run: Path, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = opened(run, model)
    looked: list[int] = []

    def look(*_: Any) -> list[Any]:
        looked.append(1)
        return []

    monkeypatch.setattr("thinkimg_train.looking._look_through", look)
    again = opened(run, model)
    assert not looked
    assert again.fingerprint == first.fingerprint
    with pytest.raises(InvalidRequest):
        opened(run, model, max_pixels=1 << 13)
    assert looked


def test_an_image_that_is_put_back_mends_its_episode(run: Path, model: str) -> None:
    path = picture(run, 1, 1)
    data = path.read_bytes()
    path.unlink()
    assert len(opened(run, model).left_out) >= 1
    path.write_bytes(data)
    assert len(opened(run, model)) == 4


def test_a_folder_that_cannot_be_written_to_is_read_all_the_same(
    run: Path, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("thinkimg_train.looking.os.access", lambda *_: False)
    assert len(opened(run, model)) == 4
    assert not list(run.glob(".*.index"))


def test_an_unknown_dialect_is_refused_before_anything_is_read(run: Path, model: str) -> None:
    with pytest.raises(InvalidRequest, match=r"data\.dialect: there is no such dialect"):
        opened(run, model, dialect="latin")


def test_other_processes_find_the_same(run: Path, model: str) -> None:
    break_line(run)
    alone = opened(run, model)
    for index in run.glob(".*.index"):
        index.unlink()
    together = opened(run, model, workers=1)
    assert together.places == alone.places
    assert together.left_out == alone.left_out


def test_what_is_left_out_is_said_on_the_screen(run: Path, model: str) -> None:
    break_line(run)
    screen = Console(file=io.StringIO(), width=200)
    open_data(DataSection(trajectories=(run,), max_pixels=MAX_PIXELS), model, screen)
    said = screen.file.getvalue()  # type: ignore[attr-defined]
    assert "left out, broken line: 1 of 4" in said
    assert "line 2: not JSON" in said
