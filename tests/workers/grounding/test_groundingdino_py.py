"""groundingdino-py in its own environment, beside workers that run on transformers 5.

The environment is built once, below build/; the tests' own packages are inherited.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest

from thinkimg_rpc.client import SyncMesh
from thinkimg_rpc.imaging.codec import encode_png
from thinkimg_rpc.serve.config import EnvironmentSection
from thinkimg_rpc.serve.environments import WorkerEnvironment
from thinkimg_rpc.settings import CannotStart
from thinkimg_rpc.v1 import (
    GroundingDINORequest,
    GroundingDINOResponse,
    GroundingDINOServiceStub,
    Image,
)
from thinkimg_workers.grounding.checkpoint_files import find_files, find_text_model

from ...thinkimg_rpc.running_mesh import RunningServe, eventually
from ..answering import noise
from ..tiny_checkpoints import save_grounding_dino

ROOT = Path(__file__).parents[3]
ENVIRONMENTS = ROOT / "build" / "environments"
SCRIPT = Path(__file__).with_name("groundingdino_checkpoint.py")
REQUIREMENTS = ["groundingdino-py==0.4.0", "transformers>=4.57,<5"]
QUERY = "red bar. legend."
IMAGE = encode_png(noise(320, 40))

# The first run installs the older transformers and what is new to it.
pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of the environment."""
    section = EnvironmentSection(requirements=tuple(REQUIREMENTS), inherit=True)
    log = tmp_path_factory.mktemp("logs") / "environment.log"
    environment = WorkerEnvironment("groundingdino", section, ENVIRONMENTS, log)
    return Path(asyncio.run(environment.ready(print)))


@dataclass(frozen=True)
class Checkpoint:
    """A random checkpoint and what the library itself finds with it."""

    folder: Path
    found: list[tuple[float, list[float], str]]
    """Scores, boxes and labels, best first."""


@pytest.fixture(scope="module")
def checkpoint(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    folder = tmp_path_factory.mktemp("groundingdino-py")
    image = folder / "noise.png"
    image.write_bytes(IMAGE)
    finished = subprocess.run(
        [python, "-W", "ignore", SCRIPT, folder, image, QUERY, "0.3", "0.25"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return Checkpoint(folder, json.loads(finished.stdout.splitlines()[-1]))


@pytest.fixture(scope="module")
def serve(
    checkpoint: Checkpoint, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningServe]:
    """A mesh of old and new transformers, and of a worker whose weights are broken."""
    folder = tmp_path_factory.mktemp("mesh")
    new = save_grounding_dino(folder / "grounding-dino")
    broken = folder / "broken_swint.pth"
    broken.write_bytes(next(checkpoint.folder.glob("*.pth")).read_bytes()[:1000])
    (folder / "bert-base-uncased").symlink_to(checkpoint.folder / "bert-base-uncased")
    tools = 'tools = ["thinkimg_workers.grounding_dino:GroundingDINO"]\ndevice = "cpu"\n'
    old = f'{tools}env = "groundingdino"\nbackend = "groundingdino-py"\n'
    (folder / "mesh.toml").write_text(
        f'[mesh]\naddress = "127.0.0.1:0"\nlog_dir = "logs"\nenvironment_dir = "{ENVIRONMENTS}"\n'
        f"[env.groundingdino]\nrequirements = {json.dumps(REQUIREMENTS)}\ninherit = true\n"
        f'[[worker]]\nname = "old"\n{old}weights = "{checkpoint.folder}"\n'
        f'[[worker]]\nname = "broken"\n{old}weights = "{broken}"\n'
        f'[[worker]]\nname = "new"\n{tools}backend = "transformers"\nweights = "{new}"\n'
    )
    with RunningServe((), folder) as running:
        yield running


@pytest.fixture(scope="module")
def addresses(serve: RunningServe) -> dict[str, str]:
    """Where the two workers that can serve do so."""
    with SyncMesh(serve.wait_served(60)) as mesh:

        def both() -> dict[str, str] | None:
            found = {worker.id: worker.address for worker in mesh.workers()}
            return found if found.keys() == {"old-0", "new-0"} else None

        return eventually(both, 60, "workers on both versions of transformers")


def ask(address: str) -> GroundingDINOResponse:
    with grpc.insecure_channel(address) as channel:
        request = GroundingDINORequest(image=Image(data=IMAGE), query=QUERY)
        return GroundingDINOServiceStub(channel).GroundingDINO(request, timeout=60)


def test_workers_on_old_and_new_transformers_answer_in_one_mesh(addresses: dict[str, str]) -> None:
    old, new = ask(addresses["old-0"]), ask(addresses["new-0"])
    assert old.answered_by.backend.startswith("groundingdino-py 0.4.0 ")
    assert old.answered_by.backend.endswith("cpu float32")
    assert new.answered_by.backend.startswith("transformers 5.")


def test_it_finds_what_the_library_finds(checkpoint: Checkpoint, addresses: dict[str, str]) -> None:
    expected = checkpoint.found
    found = ask(addresses["old-0"]).detections
    assert [one.score for one in found] == pytest.approx([one[0] for one in expected], abs=1e-4)
    assert len({round(score, 2) for score, _, _ in expected}) > 2
    # Scores that are nearly the same may change places.
    ours = sorted((one.box.x0, one.box.y0, one.box.x1, one.box.y1, one.label) for one in found)
    theirs = sorted((*within(320, 40, box), plain(label)) for _, box, label in expected)
    assert [one[4] for one in ours] == [one[4] for one in theirs]
    for (*box, _), (*expected_box, _) in zip(ours, theirs, strict=True):
        assert box == pytest.approx(expected_box, rel=1e-4, abs=1e-3)


def within(width: int, height: int, box: list[float]) -> list[float]:
    x0, y0, x1, y1 = box
    return [max(0, x0), max(0, y0), min(width, x1), min(height, y1)]


def plain(label: str) -> str:
    return label.replace("[CLS]", "").replace("[SEP]", "").strip()


def test_weights_that_are_broken_are_told_at_the_start(
    serve: RunningServe, addresses: dict[str, str]
) -> None:
    told = "broken_swint.pth is no checkpoint of groundingdino-py, or not whole"
    eventually(lambda: told in serve.output, 60, "word of the broken weights")


def test_of_a_folder_the_smaller_checkpoint_is_taken_with_its_configuration(
    tmp_path: Path,
) -> None:
    for name in ("swinb_cogcoor", "swint_ogc"):
        (tmp_path / f"groundingdino_{name}.pth").touch()
        (tmp_path / f"GroundingDINO_{name}.cfg.py").touch()
    files = find_files(tmp_path)
    assert files.weights.name == "groundingdino_swint_ogc.pth"
    assert files.config == tmp_path / "GroundingDINO_swint_ogc.cfg.py"


def test_a_checkpoint_alone_is_described_by_the_packages_own_configuration(tmp_path: Path) -> None:
    weights = tmp_path / "groundingdino_swinb_cogcoor.pth"
    weights.touch()
    files = find_files(weights)
    assert files.config is None
    assert files.shipped_config == "GroundingDINO_SwinB_cfg.py"
    mine = tmp_path / "mine.pth"
    weights.rename(mine)
    with pytest.raises(CannotStart, match=r"no configuration beside .*mine\.pth; put the \.py"):
        find_files(mine).shipped_config  # noqa: B018


def test_a_folder_without_a_checkpoint_is_named(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match=r"has no \.pth file; give the path of a checkpoint"):
        find_files(tmp_path)


def test_the_tokenizer_is_looked_for_beside_the_checkpoint_and_told_how_to_fetch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THINKIMG_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    with pytest.raises(CannotStart, match="hf download google-bert/bert-base-uncased"):
        find_text_model("bert-base-uncased", tmp_path)
    snapshot = tmp_path / "hub/models--google-bert--bert-base-uncased/snapshots/1"
    snapshot.mkdir(parents=True)
    assert find_text_model("bert-base-uncased", tmp_path) == snapshot
    beside = tmp_path / "bert-base-uncased"
    beside.mkdir()
    assert find_text_model("bert-base-uncased", tmp_path) == beside
    assert find_text_model(str(snapshot), tmp_path) == snapshot
