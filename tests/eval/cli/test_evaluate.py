"""`thinkimg eval`, as it is typed."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from thinkimg_rpc.cli import main

TASK = Path(__file__).parents[1] / "run" / "tiny_task.py"


def evaluate(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    status = main(["eval", *map(str, words)])
    out, err = capsys.readouterr()
    return status, out, err


def run(address: str, script: Path, out: Path, *more: object) -> list[object]:
    words = ["run", "--task", f"{TASK}:tiny", "--policy", f"scripted:{script}", "--out", out]
    return [*words, "--address", address, *more]


def test_a_task_is_run_reported_and_compared(
    crop_mesh: str, look_and_answer: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    status, out, _ = evaluate(capsys, *run(crop_mesh, look_and_answer, first))
    assert status == 0
    assert out.splitlines()[0] == "tiny: 12 questions to answer, with Crop"
    assert f"tiny 1, scripted:{look_and_answer}: 33.3% (" in out
    assert out.splitlines()[-1] == f"to look at: {first}/report.html"
    zero = tmp_path / "zero.txt"
    zero.write_text("<answer>0</answer>")
    assert evaluate(capsys, *run(crop_mesh, zero, second))[0] == 0
    status, out, _ = evaluate(capsys, "compare", first, second)
    assert status == 0
    assert out.startswith("+0.0 (")
    assert "33.3% before, 33.3% after" in out
    assert sum(line.startswith("worse ") for line in out.splitlines()) == 4
    assert (second / "comparison.json").exists()
    status, again, _ = evaluate(capsys, "report", first)
    assert (status, again.splitlines()[-1]) == (0, f"to look at: {first}/report.html")


def test_every_field_can_be_given_and_a_file_too(
    crop_mesh: str, look_and_answer: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "runs.toml"
    file.write_text(
        f'[[run]]\nname = "x"\ntask = "{TASK}:tiny"\n[[run]]\nname = "y"\ntask = "{TASK}:other"\n'
    )
    words = ["run", "--config", file, "--policy", f"scripted:{look_and_answer}"]
    words += ["--out", tmp_path / "out", "--mesh.address", crop_mesh, "--limits.max_turns=3"]
    status, _, err = evaluate(capsys, *words, "--limit", 2)
    assert (status, err) == (0, "")
    for name in ("x", "y"):
        summary = msgspec.json.decode((tmp_path / "out" / name / "summary.json").read_bytes())
        assert summary["run"]["limits"]["max_turns"] == 3
        assert summary["accuracy"].keys() == {"mean", "low", "high", "n"}
        assert summary["accuracy"]["n"] == 2


def test_questions_that_could_not_be_asked_are_told_apart(
    crop_mesh: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = tmp_path / "turns.txt"
    script.write_text('<tool_call>\n{"name": "Crop", "arguments": {}}\n</tool_call>\n')
    more = ["--limit", 2, "--retry.times", 0]
    status, out, _ = evaluate(capsys, *run(crop_mesh, script, tmp_path / "out", *more))
    assert status == 0
    assert "nothing scored" in out
    assert "2 aborted by the mesh or the policy's server, and not counted" in out


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--task.question", 3], "task.question: there is no such field; did you mean questions?"),
        (["--policy.temperature", "hot"], 'policy.temperature: write a number, not "hot"'),
        (["--policy", "gpt"], 'policy: "gpt" is none; write'),
        (["--task", "synthchart"], '"synthchart" is none; did you mean synthcharts?'),
        (["--policy.dialect", "prose"], 'policy.dialect: "prose" is none of openthinkimg, hermes'),
        (["--address", "127.0.0.1:1"], "no mesh answers at 127.0.0.1:1"),
        (["--config", "missing.toml"], "missing.toml"),
    ],
)
def test_a_mistake_is_one_line_with_its_remedy(
    crop_mesh: str,
    look_and_answer: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    more: list[object],
    says: str,
) -> None:
    words = run(crop_mesh, look_and_answer, tmp_path / "out", "--limit", 1, *more)
    status, _, err = evaluate(capsys, *words)
    assert status != 0
    assert says in err
    assert err.count("\n") == 1


def test_a_run_of_another_kind_is_refused_in_one_line(
    crop_mesh: str, look_and_answer: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = run(crop_mesh, look_and_answer, tmp_path / "out", "--limit", 1)
    assert evaluate(capsys, *words)[0] == 0
    status, _, err = evaluate(capsys, *words, "--limits.max_turns", 3)
    assert status == 2
    assert "limits.max_turns was 10 and is 3; give another --out, or remove that folder" in err


def test_the_tasks_are_listed_with_their_options(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = evaluate(capsys, "tasks")
    assert status == 0
    (line,) = [line for line in out.splitlines() if line.startswith("synthcharts ")]
    assert "seed=0" in line


def test_a_folder_that_is_no_run_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, _, err = evaluate(capsys, "report", tmp_path)
    assert status == 2
    assert "is no run's folder" in err
