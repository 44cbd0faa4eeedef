"""A model is trained on the same tokens whether a run was recorded here or came another way."""

from __future__ import annotations

from pathlib import Path

import pytest

from thinkimg_agent.policies.chat_tokens import ChatTokens
from thinkimg_agent.trajectory_file import image_path, read_trajectories
from thinkimg_train.chat import chat_of
from thinkimg_train.formats.converting import Format, export_run, import_rows, write_answers
from thinkimg_train.samples import TrainingSample, sample_of

from .recorded import looked, run_of
from .test_round_trips import FILES


def samples(run: Path, chat: ChatTokens) -> list[TrainingSample]:
    def bytes_of(digest: str) -> bytes | None:
        path = image_path(run, digest)
        return None if path is None else path.read_bytes()

    return [
        sample_of(one, chat, bytes_of, source=one.sample_id, max_pixels=1 << 20)
        for one in read_trajectories(run)
    ]


@pytest.mark.parametrize("kind", FILES)
def test_samples_are_the_same_tokens_with_the_same_ones_trained(
    tmp_path: Path, tiny_model: Path, kind: Format
) -> None:
    chat = chat_of(str(tiny_model))
    dialect = "openthinkimg" if kind == "openthinkimg" else "hermes"
    run = run_of(tmp_path / "run", looked(0, dialect), looked(1, dialect))
    export_run(kind, run, tmp_path / "there")
    import_rows(kind, tmp_path / "there" / FILES[kind], tmp_path / "back")
    for before, after in zip(samples(run, chat), samples(tmp_path / "back", chat), strict=True):
        assert after.input_ids.tolist() == before.input_ids.tolist()
        assert after.trained.tolist() == before.trained.tolist()
        assert len(after.turns) == 3
        for name, pixels in before.pixels.items():
            assert (after.pixels[name] == pixels).all()


def test_answers_alone_are_samples_of_one_turn(tmp_path: Path, tiny_model: Path) -> None:
    write_answers(run_of(tmp_path / "run", looked()), tmp_path / "out")
    [sample] = samples(tmp_path / "out", chat_of(str(tiny_model)))
    assert len(sample.turns) == 1
    assert 0 < int(sample.trained.sum()) < len(sample)
