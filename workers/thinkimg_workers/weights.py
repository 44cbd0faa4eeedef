"""Where the weights of model backends are: local folders and the Hugging Face cache.

Nothing here reaches the network: what is missing is for a person to fetch.
"""

from __future__ import annotations

import json
import os
import tomllib
from functools import cache
from pathlib import Path

import msgspec

from thinkimg_rpc.settings import CannotStart

FOLDER_VARIABLE = "THINKIMG_WEIGHTS"
"""A folder with one folder or file for each entry of the table, by its name."""
TABLE = Path(__file__).with_name("weights.toml")


class Weights(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One entry of `weights.toml`."""

    tool: str
    hub: str
    """The repository on the Hugging Face hub; empty: not there."""
    size_mb: int
    licence: str
    files: tuple[str, ...]
    """What must be there for the weights to be whole."""
    url: str = ""
    """Where to fetch what is not on the hub."""


@cache
def weights_table() -> dict[str, Weights]:
    """All weights that backends look for, by name."""
    with TABLE.open("rb") as file:
        return msgspec.convert(tomllib.load(file), dict[str, Weights])


def find_weights(name: str) -> Path | None:
    """Where the weights of that name in the table are, if this machine has all of them."""
    files = weights_table()[name].files
    return next((place for place in _places(name) if not missing_files(place, files)), None)


def missing_files(place: Path, files: tuple[str, ...]) -> list[str]:
    """Which of these files a folder lacks, with the parts that an index among them names.

    A download that was broken off leaves whole files only, but not all of them.
    """
    missing = [file for file in files if not (place / file).is_file()]
    for file in files:
        if file.endswith(".index.json") and file not in missing:
            parts = _parts_in(place / file)
            missing += [part for part in parts if not (place / part).is_file()]
    return missing


def named_weights(chosen: str) -> Path:
    """What `weights = "..."` in `mesh.toml` names: a path, a name of the table, or a hub name.

    Raises: CannotStart, saying where they were looked for and how to fetch them.
    """
    path = Path(chosen).expanduser()
    if path.exists():
        return path
    if chosen in weights_table():
        if (found := find_weights(chosen)) is not None:
            return found
        raise CannotStart(f"the weights {chosen} are not here; {how_to_fetch(chosen)}")
    snapshots = _snapshots(chosen) if chosen.count("/") == 1 else []
    if snapshots:
        return snapshots[0]
    raise CannotStart(
        f'weights = "{chosen}": there is no such file or folder, and nothing of that name in '
        f"the Hugging Face cache {hub_cache()}; fetch it with `hf download {chosen}`, or give a "
        "path"
    )


def how_to_fetch(name: str) -> str:
    """A remedy for weights that are missing, as part of a sentence."""
    entry = weights_table()[name]
    if not entry.hub:
        return f"fetch them from {entry.url} into {weights_folder() / name}"
    remedy = (
        f"fetch them with `hf download {entry.hub}`, or put {', '.join(entry.files)} "
        f"into {weights_folder() / name}"
    )
    for place in _places(name):
        if place.is_dir():
            lacking = missing_files(place, entry.files)
            return f"{place} lacks {', '.join(lacking[:3])}; {remedy}"
    return remedy


def weights_folder() -> Path:
    """Where weights are expected beside the Hugging Face cache."""
    chosen = os.environ.get(FOLDER_VARIABLE)
    if chosen:
        return Path(chosen).expanduser()
    data = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(data).expanduser() / "thinkimg" / "weights"


def hub_cache() -> Path:
    """The Hugging Face cache, as its own library finds it."""
    if chosen := os.environ.get("HF_HUB_CACHE"):
        return Path(chosen).expanduser()
    if home := os.environ.get("HF_HOME"):
        return Path(home).expanduser() / "hub"
    caches = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(caches).expanduser() / "huggingface" / "hub"


def _places(name: str) -> list[Path]:
    """Where the weights of that name in the table may be, the first choice first."""
    hub = weights_table()[name].hub
    folder = weights_folder()
    return [folder / name, *([folder / hub, *_snapshots(hub)] if hub else [])]


def _snapshots(hub: str) -> list[Path]:
    """The cached revisions of a repository, the one that "main" names first."""
    repository = hub_cache() / f"models--{hub.replace('/', '--')}"
    main = repository / "refs" / "main"
    revision = main.read_text().strip() if main.is_file() else ""
    found = sorted((repository / "snapshots").glob("*"))
    return sorted(found, key=lambda snapshot: snapshot.name != revision)


def _parts_in(index: Path) -> list[str]:
    """The files that an index of weights names; none if it is broken, which loading reports."""
    try:
        return sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return []
