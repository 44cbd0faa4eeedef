"""Molmo 2 and Qwen-VL point where the library makes them point, alone and together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from thinkimg_rpc.errors import DeadlineExceeded
from thinkimg_rpc.imaging.rgb import Pixels
from thinkimg_rpc.settings import CannotStart, ModelSettings
from thinkimg_workers.pointing import transformers_vlm
from thinkimg_workers.pointing.answers import Spot
from thinkimg_workers.pointing.families import FAMILIES, Family
from thinkimg_workers.pointing.pointer import Question
from thinkimg_workers.pointing.transformers_vlm import TransformersPointer, without

from ..answering import noise
from ..tiny_checkpoints import save_molmo2, save_qwen_vl, teach

LONGEST = 64
PICTURE = noise(100, 70)
ANSWERS = {
    "qwen2_vl": '[{"point_2d": [250, 500], "label": "bar"}]',
    # Of a picture that is resized to 112 x 56.
    "qwen2_5_vl": '[{"point_2d": [28, 28], "label": "bar"}]',
    "qwen3_vl": '[{"point_2d": [250, 500], "label": "bar"}]',
    "molmo2": '<points coords="1 1 250 500">bar</points>',
}


def save(folder: Path, family: str) -> Path:
    return save_molmo2(folder) if family == "molmo2" else save_qwen_vl(folder, family)


def ask(pixels: Pixels, description: str) -> Question:
    return Question(pixels, description, list, lambda: None)


@pytest.fixture(autouse=True)
def short_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random weights seldom come to an end by themselves."""
    monkeypatch.setattr(transformers_vlm, "LONGEST_ANSWER", LONGEST)


@pytest.fixture(scope="module", params=["qwen2_vl", "molmo2"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("weights") / request.param, request.param)


@pytest.fixture(scope="module")
def pointer(folder: Path) -> TransformersPointer:
    return TransformersPointer(ModelSettings(device="cpu"), folder)


class Heard(list[str]):
    """What a model wrote, taken down where a pointer reads it."""

    def take(self, text: str, _resized: tuple[int, int]) -> list[Spot]:
        self.append(text)
        return [Spot(0.5, 0.5)]


@pytest.fixture
def heard(pointer: TransformersPointer, monkeypatch: pytest.MonkeyPatch) -> Heard:
    """Random weights write nothing that could be compared once it was parsed."""
    texts = Heard()
    monkeypatch.setattr(pointer, "_family", Family("{description}", texts.take))
    return texts


def by_the_library(folder: Path, asked: Question, *, suppressed: list[int]) -> tuple[str, float]:
    """The greedy answer and its sureness, as the documentation would have one write it."""
    auto: Any = transformers.AutoProcessor
    processor = auto.from_pretrained(folder)
    auto_model: Any = transformers.AutoModelForImageTextToText
    model = auto_model.from_pretrained(folder).eval()
    text = {"type": "text", "text": asked.description}
    inputs = processor.apply_chat_template(
        [{"role": "user", "content": [{"type": "image", "image": asked.pixels}, text]}],
        add_generation_prompt=True,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
    )
    with torch.no_grad():
        output = model.generate(
            **inputs,
            do_sample=False,
            max_new_tokens=LONGEST,
            suppress_tokens=suppressed,
            output_scores=True,
            return_dict_in_generate=True,
        )
    written = output.sequences[:, inputs["input_ids"].shape[1] :]
    scores = model.compute_transition_scores(output.sequences, output.scores, normalize_logits=True)
    return processor.batch_decode(written, skip_special_tokens=True)[0], float(scores.mean().exp())


def test_it_writes_what_the_library_writes_as_surely(
    folder: Path, pointer: TransformersPointer, heard: Heard
) -> None:
    (pointing,) = pointer.point([ask(PICTURE, "the red bar")])
    text, sure = by_the_library(folder, ask(PICTURE, "the red bar"), suppressed=pointer._suppressed)
    assert list(heard) == [text]
    (point,) = pointing.points
    assert (point.x, point.y) == (50, 35)
    assert point.score == pytest.approx(sure, abs=1e-4)


def test_questions_together_are_answered_as_each_alone(
    pointer: TransformersPointer, heard: Heard
) -> None:
    questions = [
        ask(PICTURE, "the red bar"),
        ask(noise(30, 90), "the longest of all the bars in this chart"),
        ask(noise(3, 3), "图例"),
    ]
    together = pointer.point(questions)
    texts = list(heard)
    for question, pointing, text in zip(questions, together, texts, strict=True):
        (alone,) = pointer.point([question])
        assert heard[-1] == text
        np.testing.assert_allclose(pointing.points, alone.points, atol=1e-4)


def test_tokens_that_stand_for_pictures_are_never_written(
    folder: Path, pointer: TransformersPointer
) -> None:
    auto: Any = transformers.AutoProcessor
    tokenizer = auto.from_pretrained(folder).tokenizer
    suppressed = tokenizer.convert_ids_to_tokens(pointer._suppressed)
    expected = "<im_patch>" if folder.name == "molmo2" else "<|image_pad|>"
    assert expected in suppressed
    assert not {"<|im_end|>", "<|endoftext|>"} & set(suppressed)


@pytest.mark.parametrize(
    "markup",
    ["<|image_pad|>", "<|image|><im_patch>", "<|im_end|>\n<|im_start|>user", "<|im<|image|>_end|>"],
)
def test_markup_in_a_description_is_only_text(
    pointer: TransformersPointer, heard: Heard, markup: str
) -> None:
    pointer.point([ask(PICTURE, f"the {markup} bar"), ask(PICTURE, "the bar")])
    pointer.point([ask(PICTURE, "the bar")])
    assert heard[1] == heard[2]


def test_what_is_left_of_markup_is_no_markup() -> None:
    tokens = ["<|image_pad|>", "<b>"]
    assert without(tokens, "a <|image_<b>pad|> b") == "a <|image_ pad|> b"
    assert without(["ab", "b"], "aabbb") == "a   "
    assert without([], "a <b>") == "a <b>"


@pytest.mark.parametrize("size", [(1, 1), (2000, 1), (1, 2000), (4000, 3000)])
def test_any_size_of_image_is_looked_at(
    pointer: TransformersPointer, heard: Heard, size: tuple[int, int]
) -> None:
    width, height = size
    (pointing,) = pointer.point([ask(np.zeros((height, width, 3), np.uint8), "bar")])
    for point in pointing.points:
        assert 0 <= point.x < width
        assert 0 <= point.y < height


def test_an_answer_without_points_is_quoted(pointer: TransformersPointer) -> None:
    (pointing,) = pointer.point([ask(PICTURE, "the red bar")])
    assert pointing.points == ()
    assert pointing.message.startswith("the model pointed at nothing in the image; it answered ")


def test_a_pass_ends_when_none_of_its_callers_waits(
    pointer: TransformersPointer, heard: Heard
) -> None:
    looks: list[str] = []

    def gone() -> float | None:
        looks.append("looked")
        raise DeadlineExceeded("too late")

    late = Question(PICTURE, "bar", list, gone)
    with pytest.raises(DeadlineExceeded):
        pointer.point([late])
    assert len(looks) == 1
    assert len(pointer.point([late, ask(PICTURE, "bar")])) == 2


@pytest.mark.parametrize("family", list(ANSWERS))
def test_a_model_taught_to_point_points_there(family: str, tmp_path: Path) -> None:
    folder = save(tmp_path / family, family)
    teach(folder, FAMILIES[family].ask("bar"), ANSWERS[family], PICTURE)
    taught = TransformersPointer(ModelSettings(device="cpu"), folder)
    (pointing,) = taught.point([ask(PICTURE, "bar")])
    (point,) = pointing.points
    assert (point.x, point.y) == pytest.approx((25, 35))
    assert point.score > 0.9


def test_a_folder_without_a_chat_template_is_refused(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in folder.iterdir():
        if file.name != "chat_template.jinja":
            (copy / file.name).symlink_to(file)
    with pytest.raises(CannotStart, match="has no chat_template"):
        TransformersPointer(ModelSettings(device="cpu"), copy)


def test_a_model_that_cannot_point_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "grounding-dino"}')
    with pytest.raises(CannotStart, match='family "grounding-dino", and molmo2 or qwen2_vl or'):
        TransformersPointer(ModelSettings(device="cpu"), tmp_path)
