"""`thinkimg weights`."""

from __future__ import annotations

from pathlib import Path

import pytest

from thinkimg_workers.weights import weights_table

from ...thinkimg_rpc.running_mesh import thinkimg


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, str]:
    """Empty places for weights."""
    places = {"THINKIMG_WEIGHTS": tmp_path / "weights", "HF_HUB_CACHE": tmp_path / "hub"}
    return {name: str(place) for name, place in places.items()}


def rows(folders: dict[str, str]) -> dict[str, str]:
    shown = thinkimg("weights", **folders)
    assert shown.returncode == 0, shown.stderr
    return {line.split()[0]: line for line in shown.stdout.splitlines()[1:] if line}


def test_every_entry_of_the_table_is_shown_with_size_licence_and_how_to_fetch_it(
    folders: dict[str, str],
) -> None:
    shown = rows(folders)
    for name, entry in weights_table().items():
        assert f"{entry.size_mb:,}" in shown[name]
        assert entry.licence in shown[name]
        assert (f"hf download {entry.hub}" if entry.hub else entry.url) in shown[name]


def test_what_is_here_is_shown_with_its_place(folders: dict[str, str]) -> None:
    name, entry = next(iter(weights_table().items()))
    place = Path(folders["THINKIMG_WEIGHTS"]) / name
    for file in entry.files:
        (place / file).parent.mkdir(parents=True, exist_ok=True)
        (place / file).touch()
    shown = rows(folders)
    assert shown[name].split()[-2:] == ["yes", str(place)]
    assert sum(" yes " in row for row in shown.values()) == 1


def test_where_was_looked_is_told(folders: dict[str, str]) -> None:
    printed = thinkimg("weights", **folders).stdout
    assert all(place in printed for place in folders.values())
