"""Environments are built once, or not at all, and say why."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from venv import create

import pytest

import thinkimg_workers.crop
from thinkimg_rpc.serve import environments
from thinkimg_rpc.serve.config import EnvironmentSection
from thinkimg_rpc.serve.environments import WorkerEnvironment
from thinkimg_rpc.serve.recipe import recipe_of
from thinkimg_rpc.settings import CannotStart

from .wheels import write_wheel

SOURCE_OF_CROP = os.path.realpath(str(thinkimg_workers.crop.__file__))
SECTION = EnvironmentSection(requirements=("zoomlib",), inherit=True)


@pytest.fixture(autouse=True)
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with all packages there are for pip, beside those that are inherited."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def silent_index(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An index that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.delenv("PIP_NO_INDEX")
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{server.getsockname()[1]}/")
        yield


def environment(
    folder: Path, *requirements: str, path: str = "", name: str = "zoom"
) -> WorkerEnvironment:
    section = EnvironmentSection(requirements=requirements, inherit=not path, path=path)
    return WorkerEnvironment(name, section, folder / "environments", folder / f"{name}.log")


def nothing(words: str) -> None:
    """Nobody listens."""


def built(folder: Path) -> list[Path]:
    return [home for home in (folder / "environments").glob("zoom-*") if home.is_dir()]


def said(python: str, code: str, variables: dict[str, str]) -> str:
    return subprocess.run(
        [python, "-c", code], env=variables, capture_output=True, text=True, check=True
    ).stdout.strip()


async def refusal(refused: WorkerEnvironment) -> str:
    with pytest.raises(CannotStart) as told:
        await refused.ready(nothing)
    text = str(told.value)
    assert "\n" not in text
    return text


async def test_it_has_what_it_requires_and_sees_what_it_inherits_and_us(
    tmp_path: Path, index: Path
) -> None:
    write_wheel(index, "zoomlib", "1.0")
    # Of a package that is inherited as well, its own version goes first.
    write_wheel(index, "sortedcontainers", "99.0")
    words: list[str] = []
    made = environment(tmp_path, "zoomlib", "sortedcontainers==99.0")
    python = await made.ready(words.append)
    code = (
        "import zoomlib, sortedcontainers, numpy, thinkimg_workers.crop as crop\n"
        "from os.path import realpath\n"
        "print(zoomlib.VERSION, sortedcontainers.VERSION, realpath(crop.__file__))"
    )
    zoomlib, ours_first, crop = said(python, code, made.variables()).split()
    assert (zoomlib, ours_first) == ("1.0", "99.0")
    assert crop == SOURCE_OF_CROP
    assert words[0] == f'environment "zoom" is being built, once (log: {tmp_path / "zoom.log"})'
    assert words[-1].startswith('environment "zoom" is ready after ')
    assert "Successfully installed" in (tmp_path / "zoom.log").read_text()

    # Once it is there, nothing is run and nothing is said.
    shutil.rmtree(index)
    (tmp_path / "zoom.log").unlink()
    assert await environment(tmp_path, "zoomlib", "sortedcontainers==99.0").ready(pytest.fail)
    assert not (tmp_path / "zoom.log").exists()


async def test_those_who_ask_at_once_wait_for_one_build(tmp_path: Path, index: Path) -> None:
    write_wheel(index, "zoomlib", "1.0")
    first = environment(tmp_path, "zoomlib")
    # Another mesh, with a log of its own, of the same cache.
    second_log = tmp_path / "second.log"
    second = WorkerEnvironment("zoom", SECTION, tmp_path / "environments", second_log)
    words: list[str] = []
    pythons = await asyncio.gather(
        first.ready(nothing), first.ready(words.append), second.ready(nothing)
    )
    assert len(set(pythons)) == 1
    assert words[-1].startswith('environment "zoom" is ready')
    assert [(tmp_path / "zoom.log").exists(), second_log.exists()].count(True) == 1


async def test_one_that_was_never_finished_is_made_anew_and_serves_by_its_path_too(
    tmp_path: Path, index: Path
) -> None:
    write_wheel(index, "zoomlib", "1.0")
    home = tmp_path / "environments" / f"zoom-{(await recipe_of(SECTION)).key}"
    home.mkdir(parents=True)
    (home / "left-behind").touch()
    python = await environment(tmp_path, "zoomlib").ready(nothing)
    assert python == f"{home}/bin/python"
    assert not (home / "left-behind").exists()
    # Another [env.NAME] may name it by its path.
    assert await environment(tmp_path, path=str(home)).ready(pytest.fail) == python


async def test_opencv_comes_without_windows_in_the_version_that_is_asked_for(
    tmp_path: Path, index: Path
) -> None:
    for name in ("opencv_python", "opencv_python_headless"):
        write_wheel(index, name, "98.0")
        write_wheel(index, name, "99.0")
    await environment(tmp_path, "opencv-python<99").ready(nothing)
    (home,) = built(tmp_path)
    assert [path.name for path in home.glob("lib/python*/site-packages/opencv*.dist-info")] == [
        "opencv_python_headless-98.0.dist-info"
    ]


async def test_a_package_that_excludes_our_protobuf_is_refused_with_the_reason(
    tmp_path: Path, index: Path
) -> None:
    write_wheel(index, "protobuf", "5.29.0")
    write_wheel(index, "oldlib", "1.0", requires=["protobuf<6"])
    text = await refusal(environment(tmp_path, "oldlib"))
    assert text.startswith("[env.zoom] cannot be built: its requirements exclude each other: ")
    assert "oldlib 1.0 depends on protobuf<6" in text
    assert "depends on protobuf<8 and >=6.31.1" in text
    assert "every worker needs what thinkimg-rpc depends on" in text
    assert text.endswith(f"(log: {tmp_path / 'zoom.log'})")
    assert not built(tmp_path)


async def test_what_pip_cannot_do_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    missing = environment(tmp_path, "no-such-package")
    assert await refusal(missing) == (
        "[env.zoom] cannot be built: No matching distribution found for no-such-package "
        f"(log: {tmp_path / 'zoom.log'})"
    )
    assert not built(tmp_path)
    # Others who wait for it are told the same, without another try.
    (tmp_path / "zoom.log").unlink()
    assert "no-such-package" in await refusal(missing)
    assert not (tmp_path / "zoom.log").exists()


async def test_a_build_that_is_cancelled_ends_at_once_and_leaves_nothing(
    tmp_path: Path, silent_index: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environments, "ANNOUNCE_EVERY_S", 0.05)
    looking = asyncio.Event()

    def hear(words: str) -> None:
        if "looking for" in words:
            looking.set()

    building = asyncio.create_task(environment(tmp_path, "zoomlib").ready(hear))
    await asyncio.wait_for(looking.wait(), 30)
    assert built(tmp_path)
    building.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(building, 5)
    assert not built(tmp_path)


async def test_a_path_without_an_interpreter_is_named(tmp_path: Path) -> None:
    text = await refusal(environment(tmp_path, path=str(tmp_path / "nowhere")))
    assert text == (
        f'[env.zoom] path: "{tmp_path / "nowhere"}" is no virtual environment: it has no bin/python'
    )


async def test_a_path_without_what_a_worker_needs_is_told_with_the_remedy(
    tmp_path: Path,
) -> None:
    venv = tmp_path / "venv"
    create(venv)
    text = await refusal(environment(tmp_path, path=str(venv)))
    assert text.startswith(
        "[env.zoom] cannot run a worker: ModuleNotFoundError: No module named 'google'; "
        f"`{venv}/bin/python -m pip install 'thinkimg-rpc[worker]=="
    )


async def test_a_cache_that_cannot_be_written_is_told_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "environments").touch()
    text = await refusal(environment(tmp_path, "zoomlib"))
    assert "environment_dir in [mesh] names another folder" in text


def test_the_users_own_python_path_stays_behind_ours(tmp_path: Path) -> None:
    added = environment(tmp_path, "zoomlib").variables("/mine")["PYTHONPATH"]
    ours, _, mine = added.partition(":")
    assert (Path(ours).parent, mine) == (tmp_path / "environments", "/mine")
