"""What a run comes to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from thinkimg_eval.report.results import read_results
from thinkimg_eval.report.writing import write_report
from thinkimg_eval.run.folder import RunFolder
from thinkimg_rpc.errors import InvalidRequest

from .episodes import EPISODES, origin, written


@pytest.fixture(scope="module")
def summary(run: RunFolder) -> Any:
    return msgspec.json.decode((run.path / "summary.json").read_bytes())


def test_aborted_episodes_count_neither_as_right_nor_as_wrong(summary: Any) -> None:
    assert summary["accuracy"]["mean"] == 0.6
    assert summary["accuracy"]["n"] == 5
    assert 0 < summary["accuracy"]["low"] < 0.6 < summary["accuracy"]["high"] < 1
    assert (summary["questions"], summary["done"], summary["aborted"]) == (6, 6, 1)
    assert summary["endings"] == {"answered": 4, "turn_limit": 1, "aborted": 1}


def test_accuracy_is_told_by_category_and_by_tool_use(summary: Any) -> None:
    means = {name: (one["mean"], one["n"]) for name, one in summary["categories"].items()}
    assert means == {"count_all": (0.0, 2), "read": (1.0, 3)}
    without = {name: (one["mean"], one["n"]) for name, one in summary["accuracy_without"].items()}
    assert without == {"count_all": (1.0, 3)}
    tools = summary["tools"]
    assert (tools["used"]["mean"], tools["used"]["n"]) == (0.5, 4)
    assert (tools["not_used"]["mean"], tools["not_used"]["n"]) == (1.0, 1)
    assert tools["caller_errors"] == 1
    assert tools["calls_per_question"] == pytest.approx(18 / 6)


def test_every_tool_is_told_of_and_so_are_calls_of_none(summary: Any) -> None:
    by_tool = summary["tools"]["by_tool"]
    calls = {name: (use["calls"], use["caller_errors"]) for name, use in by_tool.items()}
    assert calls == {"Crop": (14, 1), "OCR": (3, 0), "no such tool": (1, 0)}
    assert by_tool["OCR"]["accuracy"]["mean"] == 1.0
    assert by_tool["OCR"]["seconds"]["median"] == 0.2


def test_what_a_question_takes_is_told(summary: Any) -> None:
    cost = summary["cost"]
    assert cost["turns"]["median"] == 2.5
    assert cost["completion_tokens"]["mean"] == pytest.approx((40 + 40 + 30 + 140 + 20 + 30) / 6)
    assert (cost["seconds"]["mean"], cost["policy_seconds"]["mean"]) == (1.0, 0.5)
    assert cost["tool_seconds"]["p95"] == 0.4


def test_every_file_says_what_it_comes_from(run: RunFolder) -> None:
    for name in ("run.json", "results.json", "summary.json"):
        found = msgspec.json.decode((run.path / name).read_bytes())
        head = found if name == "run.json" else found["run"]
        assert head["task"]["version"] == "1"
        assert head["policy"]["name"] == "openai:<b>small</b>"
        assert head["tools"] == {"Crop": "1 opencv", "OCR": "1 rapidocr"}
        assert head["commits"] == ["0123456789abcdef"]


def test_results_are_questions_without_what_the_task_puts_after_them(run: RunFolder) -> None:
    results = read_results(run.path).results
    assert [one.question for one in results][:1] == ["How many, in <i>chart</i> 0?"]
    assert [one.verdict for one in results] == [
        *("right", "wrong", "right", "unanswered", "right", "aborted")
    ]
    assert results[5].score is None


def test_a_run_that_is_not_finished_can_be_reported(tmp_path: Path) -> None:
    folder = written(tmp_path / "begun", EPISODES[:2], origin())
    summary = write_report(folder)
    assert (summary.done, summary.questions) == (2, 6)
    summary = write_report(written(tmp_path / "empty", [], origin()))
    assert (summary.done, summary.cost, summary.accuracy.mean) == (0, None, None)


def test_results_that_are_not_there_or_broken_are_written_anew(
    run: RunFolder, tmp_path: Path
) -> None:
    with pytest.raises(InvalidRequest, match="`thinkimg eval report"):
        read_results(tmp_path)
    (tmp_path / "results.json").write_text('{"run": {}}')
    with pytest.raises(InvalidRequest, match="is of another version or broken"):
        read_results(tmp_path)
