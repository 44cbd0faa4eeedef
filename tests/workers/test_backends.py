"""Which backend answers: the one asked for, or the first that this machine can serve."""

from __future__ import annotations

import gc
import sys
import weakref
from pathlib import Path

import pytest

from thinkimg_rpc.settings import CannotStart, ModelSettings
from thinkimg_workers.backends import Backend, open_backend


class Opened:
    """A backend that only remembers what it was made with."""

    def __init__(self, settings: ModelSettings, place: Path | None) -> None:
        self.settings = settings
        self.place = place


class Broken:
    """A backend whose files are bad."""

    def __init__(self, settings: ModelSettings, place: Path | None) -> None:
        raise CannotStart(f"{place} is truncated")


HERE = f"{__name__}:"
MODEL = Backend("model", HERE + "Opened", weights="grounding-dino")
EITHER = Backend("model", HERE + "Opened", weights=("molmo2", "grounding-dino"))
UNINSTALLED = Backend(
    "other", HERE + "Opened", modules=("json", "no_such_package"), install="other[all]"
)
ASKING = Backend("openai", HERE + "Opened", asks_endpoint=True)
CLASSICAL = Backend("classical", HERE + "Opened")


@pytest.fixture(autouse=True)
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for weights."""
    monkeypatch.setenv("THINKIMG_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path


def put(weights: Path, name: str = "grounding-dino") -> Path:
    place = weights / name
    place.mkdir()
    for file in ("config.json", "model.safetensors", "preprocessor_config.json", "tokenizer.json"):
        (place / file).touch()
    return place


def opened(*backends: Backend, **settings: str) -> Opened:
    found = open_backend(backends, ModelSettings(**settings))  # type: ignore[arg-type]
    assert isinstance(found, Opened)
    return found


def test_auto_takes_the_first_whose_weights_are_here(weights: Path) -> None:
    assert opened(MODEL, CLASSICAL).place is None
    place = put(weights)
    assert opened(MODEL, CLASSICAL).place == place


def test_auto_passes_over_what_is_not_installed_or_has_no_endpoint() -> None:
    assert opened(UNINSTALLED, ASKING, CLASSICAL).settings == ModelSettings()
    url = "http://127.0.0.1:1/v1"
    assert opened(ASKING, CLASSICAL, endpoint=url).settings.endpoint == url


def test_of_several_weights_the_first_that_are_here_are_taken(weights: Path) -> None:
    with pytest.raises(CannotStart, match="none of the weights molmo2, grounding-dino are here"):
        opened(EITHER, backend="model")
    place = put(weights)
    assert opened(EITHER, CLASSICAL).place == place


def test_named_weights_go_before_the_usual_ones(weights: Path, tmp_path: Path) -> None:
    put(weights)
    mine = tmp_path / "mine"
    mine.mkdir()
    assert opened(MODEL, CLASSICAL, weights=str(mine)).place == mine


def test_named_weights_that_are_not_there_are_an_error_even_for_auto() -> None:
    with pytest.raises(CannotStart, match='weights = "typo"'):
        opened(MODEL, CLASSICAL, weights="typo")


@pytest.mark.parametrize(
    ("backend", "words"),
    [
        (UNINSTALLED, 'backend "other": no_such_package not installed; install other'),
        (ASKING, 'backend "openai": no endpoint set'),
        (MODEL, 'backend "model": the weights grounding-dino are not here; .*hf download'),
    ],
)
def test_a_backend_that_was_asked_for_and_cannot_serve_says_why(
    backend: Backend, words: str
) -> None:
    with pytest.raises(CannotStart, match=words):
        opened(backend, CLASSICAL, backend=backend.name)


def test_there_is_no_second_choice_once_one_was_taken(weights: Path) -> None:
    put(weights)
    broken = Backend("model", HERE + "Broken", weights="grounding-dino")
    with pytest.raises(CannotStart, match="truncated"):
        opened(broken, CLASSICAL)


def test_only_the_chosen_backend_is_imported() -> None:
    absent = Backend("absent", "no_such_package.module:Class", asks_endpoint=True)
    assert opened(absent, CLASSICAL).place is None


def test_tools_of_one_process_share_a_backend_of_the_same_settings_and_weights(
    weights: Path,
) -> None:
    put(weights)
    one = opened(MODEL, CLASSICAL)
    assert opened(MODEL, CLASSICAL, backend="model") is one
    assert opened(MODEL, CLASSICAL, device="cuda:1") is not one
    assert opened(MODEL, CLASSICAL, weights=str(weights)) is not one
    assert opened(CLASSICAL) is not one


def test_a_backend_is_let_go_with_the_last_tool_that_has_it() -> None:
    reference = weakref.ref(opened(CLASSICAL))
    gc.collect()
    assert reference() is None


def test_a_backend_that_could_not_be_opened_is_tried_again(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = Backend("broken", HERE + "Broken")
    for _ in range(2):
        with pytest.raises(CannotStart):
            opened(broken)
    monkeypatch.setattr(sys.modules[__name__], "Broken", Opened)
    assert opened(broken).place is None
