"""How trainers share a vLLM server. Real servers are in tests/vllm."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from thinkimg_agent.policies.vllm_server import VllmServerPolicy
from thinkimg_rpc.errors import InvalidRequest
from thinkimg_train.config import LoraSection, ModelSection
from thinkimg_train.grpo_config import RolloutSection, VllmSection
from thinkimg_train.loading import load_model
from thinkimg_train.rollouts import vllm_engine, vllm_server_engine
from thinkimg_train.rollouts.engines import Trained, open_engine
from thinkimg_train.rollouts.merged_weights import merged_weights
from thinkimg_train.rollouts.vllm_engine import VllmEngine
from thinkimg_train.rollouts.vllm_server_engine import SharedServer, open_vllm_server

TRAINED = Trained("/no/model", None, seed=0)


class Following(VllmServerPolicy):
    """A server whose weights are handed over by another process meanwhile."""

    def __init__(self, versions: list[str]) -> None:
        self.name = "vllm-server:m"
        self._versions = versions

    async def weight_version(self) -> str:
        return self._versions.pop(0)


async def test_others_take_part_in_gathering_and_wait_for_the_weights(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(vllm_server_engine, "_LOOK_EVERY_S", 0.0)
    gathered = []

    def weights() -> Iterator[tuple[str, torch.Tensor]]:
        for name in "ab":
            gathered.append(name)
            yield name, torch.zeros(1)

    versions = ["default", "2", "3", "left"]
    await SharedServer(Following(versions)).follow(weights, 3)
    assert gathered == ["a", "b"]
    assert versions == ["left"]


@pytest.mark.parametrize(
    ("base_url", "folder", "said"),
    [
        ("", "/dev/shm/weights", r"rollout\.base_url"),
        ("http://127.0.0.1:1", "", r"rollout\.vllm\.weights_folder.*below /dev/shm"),
        ("http://127.0.0.1:1", "weights", r"rollout\.vllm\.weights_folder"),
    ],
)
async def test_a_server_needs_an_address_and_a_folder(
    base_url: str, folder: str, said: str
) -> None:
    section = RolloutSection(
        engine="vllm-server", base_url=base_url, vllm=VllmSection(weights_folder=folder)
    )
    with pytest.raises(InvalidRequest, match=said):
        await open_vllm_server(section, TRAINED)


async def test_without_vllm_one_is_told_what_to_install() -> None:
    with pytest.raises(InvalidRequest, match=r"rollout\.engine.*thinkimg-rpc\[train,vllm\]"):
        await open_engine(RolloutSection(engine="vllm"), TRAINED)


class _Gpus:
    """Two of four, as CUDA_VISIBLE_DEVICES leaves them."""

    @staticmethod
    def is_available() -> bool:
        return True

    @staticmethod
    def device_count() -> int:
        return 2


@pytest.mark.parametrize(("visible", "seen"), [("2,3", "3"), (None, "1")])
def test_vllm_sees_the_device_of_its_own_process(
    visible: str | None, seen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpus: Any = _Gpus
    monkeypatch.setattr(torch, "cuda", gpus)
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    with vllm_engine._one_device():
        assert os.environ["CUDA_VISIBLE_DEVICES"] == seen
    assert os.environ.get("CUDA_VISIBLE_DEVICES") == visible


async def test_what_was_laid_for_vllm_is_gone_whatever_came_of_it(
    tiny_model: Path, tmp_path: Path
) -> None:
    laid: list[Path] = []

    class Refusing(Following):
        async def take_weights(self, folder: Path, version: str) -> None:
            laid.append(folder / "model-00000.safetensors")
            assert laid[0].exists()
            raise InterruptedError(version)

    model = load_model(ModelSection(path=str(tiny_model)), LoraSection())
    engine = VllmEngine(Refusing([]), model, tmp_path / "weights")
    with pytest.raises(InterruptedError, match="5"):
        await engine.follow(lambda: merged_weights(model), 5)
    assert laid
    assert list((tmp_path / "weights").iterdir()) == []
