from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import entry_points

import matplotlib
import numpy as np
import pytest

from thinkimg_agent.sample import Sample
from thinkimg_eval.synthcharts.samples import ChartSamples, draw
from thinkimg_eval.synthcharts.splits import askings
from thinkimg_eval.synthcharts.task import synthcharts
from thinkimg_eval.task import Task
from thinkimg_rpc.imaging.codec import decode
from thinkimg_rpc.imaging.rgb import Pixels

TEXTS = "17e80b0c526053a7"
"""Of the questions and answers of the test split: the same anywhere."""
PICTURES = {"3.11.2": "a1534d96e3d1622f"}
"""Of the first charts' pixels, by the version of matplotlib."""


@pytest.fixture(scope="module")
def task() -> Task:
    return synthcharts()


def samples(task: Task) -> ChartSamples:
    assert isinstance(task.samples, ChartSamples)
    return task.samples


def pixels_of(sample: Sample) -> Pixels:
    [picture] = sample.images
    return decode(picture, max_pixels=1 << 24)


def digest(parts: list[bytes]) -> str:
    return hashlib.sha256(b"\n".join(parts)).hexdigest()[:16]


def test_it_is_found_by_its_name() -> None:
    [found] = entry_points(group="thinkimg.tasks", name="synthcharts")
    assert found.load() is synthcharts


def test_questions_and_answers_are_the_same_anywhere(task: Task) -> None:
    texts = [f"{each.text} {each.truth}".encode() for each in samples(task).questions()]
    assert digest(texts) == TEXTS


def test_another_process_makes_the_same_questions(task: Task) -> None:
    first = next(iter(samples(task).questions()))
    code = (
        "from thinkimg_eval.synthcharts.samples import ChartSamples;"
        "print(next(iter(ChartSamples('test', 0, None).questions())).text)"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert said.strip() == first.text


def test_pictures_are_the_same_with_the_same_matplotlib() -> None:
    if matplotlib.__version__ not in PICTURES:
        pytest.skip("another matplotlib draws other pixels")
    plans = [asking.plan for asking, _ in zip(askings("test", 0), range(6), strict=False)]
    drawn = [draw(plan).pixels.tobytes() for plan in plans]
    assert digest(drawn) == PICTURES[matplotlib.__version__]


def test_another_seed_asks_something_else(task: Task) -> None:
    other = samples(synthcharts(seed=1))
    assert len(other) == len(task.samples)
    assert other[0].images != task.samples[0].images


def test_a_sample_is_the_same_each_time_and_says_where_it_is_from(task: Task) -> None:
    sample = task.samples[4]
    assert sample == task.samples[4]
    assert sample.id.startswith("synthcharts-v1/test/0/chart-")
    assert sample.category == sample.details["asked"]["family"]
    assert json.loads(json.dumps(dict(sample.details))) == {
        **sample.details,
        "asked": json.loads(json.dumps(sample.details["asked"])),
    }


def test_questions_about_a_chart_share_its_picture(task: Task) -> None:
    first, second = task.samples[0], task.samples[1]
    assert first.details["chart"] == second.details["chart"]
    assert first.images[0] is second.images[0]
    assert np.array_equal(pixels_of(first), draw(samples(task).plan(0)).pixels)


def test_threads_that_want_one_chart_share_its_picture(task: Task) -> None:
    fresh = synthcharts(seed=5).samples
    assert isinstance(fresh, ChartSamples)
    with ThreadPoolExecutor(4) as pool:
        pictures = list(pool.map(lambda index: fresh[index].images[0], [0, 1, 2, 3]))
    assert all(picture is pictures[0] for picture in pictures)
    assert task.samples[0].images[0] is not pictures[0]


def test_pictures_are_of_a_modest_size(task: Task) -> None:
    for index in range(0, 60, 10):
        sample = task.samples[index]
        height, width = pixels_of(sample).shape[:2]
        assert min(height, width) >= 400
        assert max(height, width) <= 1100
        assert len(sample.images[0]) < 200_000


def test_a_slice_is_the_samples_in_it(task: Task) -> None:
    assert [each.id for each in task.samples[2:4]] == [task.samples[i].id for i in (2, 3)]
    with pytest.raises(IndexError):
        task.samples[len(task.samples)]


def test_the_small_view_is_shown_and_the_full_one_is_a_choice(task: Task) -> None:
    assert task.samples[0].max_image_pixels == 112 * 112
    assert synthcharts(view="full").samples[0].max_image_pixels is None
    with pytest.raises(ValueError, match="sideways"):
        synthcharts(view="sideways")


def test_right_answers_score_and_near_misses_do_not(task: Task) -> None:
    for number, question in enumerate(samples(task).questions()):
        if number % 100:
            continue
        sample = task.samples[number]
        assert task.scorer(question.truth, sample) == 1
        assert task.scorer("", sample) == 0
        assert task.scorer("Atlantis", sample) == 0
        if question.tolerance is not None:
            off = float(question.truth) * (1 + 1.2 * question.tolerance) + 0.01
            assert task.scorer(f"{off:.6g}", sample) == 0
