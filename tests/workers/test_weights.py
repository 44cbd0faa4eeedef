"""Weights are found where people put them and where the Hugging Face tools do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from thinkimg_rpc.settings import CannotStart
from thinkimg_workers.grounding.choices import DETECTORS
from thinkimg_workers.pointing.choices import POINTERS
from thinkimg_workers.segmentation.choices import SEGMENTERS
from thinkimg_workers.weights import (
    find_weights,
    how_to_fetch,
    hub_cache,
    missing_files,
    named_weights,
    weights_folder,
    weights_table,
)

DINO = "grounding-dino"
DINO_HUB = "IDEA-Research/grounding-dino-tiny"
VARIABLES = ("THINKIMG_WEIGHTS", "XDG_DATA_HOME", "XDG_CACHE_HOME", "HF_HOME", "HF_HUB_CACHE")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder without any weights, where the tests also stand."""
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def fill(folder: Path, files: tuple[str, ...]) -> Path:
    folder.mkdir(parents=True)
    for file in files:
        (folder / file).write_text("{}")
    return folder


def snapshot(cache: Path, hub: str, revision: str, files: tuple[str, ...]) -> Path:
    """As the hub's own library lays it out: files are links to blobs."""
    repository = cache / f"models--{hub.replace('/', '--')}"
    place = repository / "snapshots" / revision
    place.mkdir(parents=True)
    (repository / "blobs").mkdir(exist_ok=True)
    for file in files:
        blob = repository / "blobs" / f"{revision}-{file}"
        blob.write_text("{}")
        (place / file).symlink_to(blob)
    return place


def name_main(cache: Path, hub: str, revision: str) -> None:
    refs = cache / f"models--{hub.replace('/', '--')}" / "refs"
    refs.mkdir()
    (refs / "main").write_text(revision)


def files_of(name: str) -> tuple[str, ...]:
    return weights_table()[name].files


def test_nothing_is_found_on_a_fresh_machine() -> None:
    assert [name for name in weights_table() if find_weights(name)] == []


@pytest.mark.parametrize("under", [DINO, DINO_HUB])
def test_a_folder_by_their_own_or_their_hub_name_is_found(home: Path, under: str) -> None:
    place = fill(home / ".local/share/thinkimg/weights" / under, files_of(DINO))
    assert find_weights(DINO) == place
    assert named_weights(DINO) == place


def test_the_folder_may_be_elsewhere(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THINKIMG_WEIGHTS", "~/models")
    place = fill(home / "models" / DINO, files_of(DINO))
    assert find_weights(DINO) == place
    monkeypatch.delenv("THINKIMG_WEIGHTS")
    monkeypatch.setenv("XDG_DATA_HOME", str(home / "data"))
    assert weights_folder() == home / "data/thinkimg/weights"


def test_the_hugging_face_cache_is_where_its_library_looks(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert hub_cache() == home / ".cache/huggingface/hub"
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "caches"))
    assert hub_cache() == home / "caches/huggingface/hub"
    monkeypatch.setenv("HF_HOME", "~/hf")
    assert hub_cache() == home / "hf/hub"
    monkeypatch.setenv("HF_HUB_CACHE", str(home / "hub"))
    assert hub_cache() == home / "hub"


def test_a_snapshot_in_the_hugging_face_cache_is_found(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HOME", str(home / "hf"))
    place = snapshot(home / "hf/hub", DINO_HUB, "abc", files_of(DINO))
    assert find_weights(DINO) == place
    assert named_weights(DINO_HUB) == place


def test_of_several_snapshots_the_one_called_main_is_taken() -> None:
    snapshot(hub_cache(), DINO_HUB, "aaa", files_of(DINO))
    main = snapshot(hub_cache(), DINO_HUB, "bbb", files_of(DINO))
    snapshot(hub_cache(), DINO_HUB, "ccc", files_of(DINO))
    name_main(hub_cache(), DINO_HUB, "bbb")
    assert find_weights(DINO) == main
    assert named_weights(DINO_HUB) == main


def test_an_own_folder_goes_before_the_cache(home: Path) -> None:
    snapshot(hub_cache(), DINO_HUB, "abc", files_of(DINO))
    own = fill(home / ".local/share/thinkimg/weights" / DINO, files_of(DINO))
    assert find_weights(DINO) == own


def test_a_download_that_broke_off_is_not_found_but_named() -> None:
    place = snapshot(hub_cache(), DINO_HUB, "abc", ("config.json",))
    assert find_weights(DINO) is None
    with pytest.raises(CannotStart, match=rf"{place} lacks model.safetensors.*hf download"):
        named_weights(DINO)


def test_a_file_whose_blob_is_not_there_yet_is_missing() -> None:
    place = snapshot(hub_cache(), DINO_HUB, "abc", files_of(DINO))
    (place / "model.safetensors").resolve().unlink()
    assert find_weights(DINO) is None
    assert missing_files(place, files_of(DINO)) == ["model.safetensors"]


def test_a_broken_off_main_does_not_hide_an_older_whole_one() -> None:
    older = snapshot(hub_cache(), DINO_HUB, "aaa", files_of(DINO))
    snapshot(hub_cache(), DINO_HUB, "bbb", ("config.json",))
    name_main(hub_cache(), DINO_HUB, "bbb")
    assert find_weights(DINO) == older


def test_all_parts_that_an_index_names_must_be_here(home: Path) -> None:
    place = fill(home / ".local/share/thinkimg/weights/molmo2", files_of("molmo2"))
    index = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    (place / "model.safetensors.index.json").write_text(json.dumps(index))
    (place / "model-1.safetensors").touch()
    assert find_weights("molmo2") is None
    assert "lacks model-2.safetensors" in how_to_fetch("molmo2")
    (place / "model-2.safetensors").touch()
    assert find_weights("molmo2") == place


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"weight_map": 1}', "\0"])
def test_an_index_that_cannot_be_read_is_for_loading_to_report(home: Path, content: str) -> None:
    place = fill(home / ".local/share/thinkimg/weights/molmo2", files_of("molmo2"))
    (place / "model.safetensors.index.json").write_text(content)
    assert find_weights("molmo2") == place


def test_a_path_is_taken_as_it_is(home: Path) -> None:
    mine = fill(home / "mine", ())
    assert named_weights(str(mine)) == mine
    assert named_weights("~/mine") == mine
    assert named_weights("mine") == Path("mine")
    file = mine / "sam.pt"
    file.touch()
    assert named_weights(str(file)) == file


def test_any_repository_of_the_cache_may_be_named() -> None:
    place = snapshot(hub_cache(), "my-lab/my-dino", "abc", ("config.json",))
    assert named_weights("my-lab/my-dino") == place


@pytest.mark.parametrize("chosen", ["my-lab/my-dino", "no-such-folder", "/no/such/folder"])
def test_what_is_nowhere_says_where_it_was_looked_for(chosen: str) -> None:
    with pytest.raises(CannotStart, match=rf'weights = "{chosen}".*{hub_cache()}'):
        named_weights(chosen)


def test_missing_weights_say_how_to_fetch_them(home: Path) -> None:
    with pytest.raises(CannotStart) as caught:
        named_weights(DINO)
    assert f"hf download {DINO_HUB}" in str(caught.value)
    assert str(home / ".local/share/thinkimg/weights/grounding-dino") in str(caught.value)


def test_the_table_says_of_all_weights_what_a_person_wants_to_know() -> None:
    for name, entry in weights_table().items():
        assert entry.tool, name
        assert entry.licence, name
        assert entry.size_mb > 0, name
        assert entry.files, name
        assert entry.hub.count("/") == 1 or entry.url.startswith("https://"), name


def test_all_weights_that_backends_look_for_are_in_the_table() -> None:
    for backend in (*DETECTORS, *POINTERS, *SEGMENTERS):
        entries = (backend.weights,) if isinstance(backend.weights, str) else backend.weights
        assert set(entries) <= set(weights_table()), backend.name
