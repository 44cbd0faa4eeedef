"""`thinkimg trajectory` and `thinkimg view`, on runs that are whole and on others."""

from __future__ import annotations

import shutil
import threading
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from thinkimg_agent.cli.page_server import page_server
from thinkimg_rpc.cli import main

from ..viewer.conftest import QUESTION
from ..viewer.conftest import run as run


@pytest.fixture
def spoiled(run: Path, tmp_path: Path) -> Path:
    """A copy of the run to break."""
    return Path(shutil.copytree(run, tmp_path / "run"))


def thinkimg(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    status = main([str(word) for word in words])
    out, err = capsys.readouterr()
    return status, out, err


def test_a_whole_run_is_found_whole(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert thinkimg(capsys, "trajectory", "validate", run) == (
        0,
        "4 episodes, nothing wrong\n",
        "",
    )


def test_what_is_missing_or_altered_beside_a_run_is_named(
    spoiled: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second, *_ = sorted((spoiled / "images").rglob("*.png"))
    first.unlink()
    second.write_bytes(b"something else")
    status, out, _ = thinkimg(capsys, "trajectory", "validate", spoiled)
    assert status == 1
    assert f"no file of digest {first.name[:12]}" in out
    assert f"{second.name} holds something else than its digest says" in out


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"answer":"42"', '"answer":null', "ended as answered, and its answer is None"),
        ('"name":"img_2"', '"name":"img_7"', "image 2 is called img_7"),
        ('"turn":0,"call":1', '"turn":0,"call":9', "came from a call that is not there"),
        ('"image":"img_1","request"', '"image":"img_9","request"', "which is not there"),
        ('"finish":"stop",', "", "nothing wrong"),
    ],
)
def test_a_trajectory_that_contradicts_itself_is_named(
    spoiled: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, says: str
) -> None:
    file = spoiled / "trajectories.jsonl"
    file.write_text(file.read_text().replace(old, new))
    assert says in thinkimg(capsys, "trajectory", "validate", spoiled)[1]


def test_an_episode_is_shown_turn_by_turn(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = thinkimg(capsys, "trajectory", "show", run, 2)
    lines = out.splitlines()
    assert status == 0
    assert lines[0] == QUESTION
    assert lines[1] == "I look closer."
    assert lines[2].startswith('  Crop {"box": {"x0": 100')
    assert lines[3] == "    Error: box.x1: 5000 is outside the image: 0 to 1000"
    assert lines[-1].startswith("answer: 42  (truth: 43)")


def test_asking_for_an_episode_that_is_not_there_is_refused(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, _, err = thinkimg(capsys, "trajectory", "show", run, 9)
    assert status == 2
    assert "the run has no episode 9" in err


def test_a_run_is_counted(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = thinkimg(capsys, "trajectory", "stats", run)
    rows = [line.split() for line in out.splitlines()]
    assert ["answered", "2", "50%", "1", "1"] in rows
    assert ["Crop", "3", "3", "1"] in [row[:4] for row in rows]


def test_a_page_is_written_beside_the_run(
    spoiled: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert thinkimg(capsys, "view", spoiled)[1] == f"{spoiled / 'index.html'}: 4 episodes\n"
    assert "</html>" in (spoiled / "index.html").read_text()


def test_a_run_that_is_none_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, _, err = thinkimg(capsys, "view", tmp_path)
    assert status != 0
    assert "trajectories.jsonl" in err
    (tmp_path / "trajectories.jsonl").write_text("nonsense\n")
    status, _, err = thinkimg(capsys, "view", tmp_path)
    assert (status, err.count("\n")) == (2, 1)
    assert "line 1: not JSON" in err


def test_a_served_page_shows_the_run_as_it_is_now(spoiled: Path) -> None:
    with page_server(spoiled, 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        assert b"</html>" in urllib.request.urlopen(f"{url}/", timeout=10).read()
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"{url}/etc/passwd", timeout=10)
        (spoiled / "trajectories.jsonl").write_text("nonsense\n")
        with pytest.raises(urllib.error.HTTPError, match="500"):
            urllib.request.urlopen(f"{url}/", timeout=10)
        server.shutdown()
