"""What would come of a tool in an environment, without loading any model."""

from __future__ import annotations

from typing import ClassVar

import pytest

from thinkimg_rpc.settings import ModelSettings
from thinkimg_rpc.tool import Tool
from thinkimg_rpc.v1 import SAMRequest, SAMResponse
from thinkimg_workers.backends import Backend
from thinkimg_workers.survey import Asked, Obstacle, Prospect, prospect

CHOICES = (
    Backend("imagined", loads="no:No", modules=("no_such_package",), install="no-such-package"),
    Backend("remote", loads="no:No", asks_endpoint=True),
    Backend("torched", loads="no:No", modules=("torch",), weights="sam2"),
    Backend("plain", loads="no:No"),
)


class Segments(Tool[SAMRequest, SAMResponse]):
    """A tool with a choice."""

    choices: ClassVar[tuple[Backend, ...]] = CHOICES
    backends = tuple(backend.name for backend in CHOICES)


class NamesOnly(Tool[SAMRequest, SAMResponse]):
    """Chooses at its start, in its own way."""

    backends = ("fast", "exact")


def would(tool: str, gpus: int = 0, **settings: str) -> Prospect:
    return prospect(Asked("w", tool, ModelSettings(**settings)), gpus=gpus)  # type: ignore[arg-type]


@pytest.fixture
def segments(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> str:
    monkeypatch.setenv("THINKIMG_WEIGHTS", str(tmp_path_factory.mktemp("weights")))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path_factory.mktemp("hub")))
    return f"{__name__}:Segments"


def test_the_first_backend_without_an_obstacle_would_answer(segments: str) -> None:
    found = would(segments)
    assert (found.tool, found.backend, found.problem) == ("SAM", "plain", "")


def test_each_better_backend_says_what_stands_in_its_way_and_the_remedy(segments: str) -> None:
    imagined, remote, torched = would(segments).better
    assert imagined == Obstacle(
        "imagined", "no_such_package not installed; install no-such-package"
    )
    assert remote.reason.startswith("no endpoint set; name ")
    assert "hf download facebook/sam2.1-hiera-tiny" in torched.reason


def test_a_backend_that_is_asked_for_is_told_of_alone(segments: str) -> None:
    found = would(segments, backend="torched")
    assert found.problem.startswith('backend "torched": the weights sam2 are not here; fetch them')
    assert found.better == ()


def test_what_is_better_is_told_when_the_mesh_toml_asks_for_less(segments: str) -> None:
    found = would(segments, backend="plain", endpoint="http://127.0.0.1:1/v1")
    assert found.backend == "plain"
    assert found.better[1] == Obstacle("remote", 'mesh.toml asks for "plain"')


def test_a_backend_that_the_tool_does_not_have_is_a_problem(segments: str) -> None:
    assert "choose one of: auto, imagined" in would(segments, backend="magic").problem


def test_weights_and_devices_that_are_not_there_are_problems(
    segments: str, tmp_path: object
) -> None:
    missing = would(segments, backend="torched", weights="no/such-weights")
    assert "hf download no/such-weights" in missing.problem
    here = would(segments, backend="torched", weights=str(tmp_path))
    assert here.backend == "torched"
    device = would(segments, backend="torched", weights=str(tmp_path), device="cuda:1", gpus=1)
    assert device.problem == 'device = "cuda:1": PyTorch sees 1 GPUs here'


def test_a_tool_that_cannot_be_loaded_is_a_problem() -> None:
    assert "no module named nowhere" in would("nowhere:Tool").problem
    assert "no Tool class named Nothing" in would("thinkimg_workers.crop:Nothing").problem


def test_a_tool_with_one_backend_is_told_with_it() -> None:
    assert would("thinkimg_workers.crop:Crop").backend.startswith("opencv")


def test_a_tool_that_only_names_its_backends_is_told_with_their_names() -> None:
    assert would(f"{__name__}:NamesOnly").backend == "one of fast, exact"
