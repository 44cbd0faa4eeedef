"""Two runs of the same questions."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from thinkimg_eval.report.comparison import compare
from thinkimg_eval.report.writing import write_report
from thinkimg_eval.run.folder import RunFolder
from thinkimg_rpc.errors import InvalidRequest

from .episodes import EPISODES, episode, origin, written

OTHERWISE = [
    episode(0, 0.0, answer="40"),
    episode(1, 1.0),
    *EPISODES[2:4],
    episode(4, None, answer=None),
    episode(5, 1.0),
]


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    folder = written(tmp_path_factory.mktemp("others") / "b", OTHERWISE, origin(policy="planner:"))
    write_report(folder)
    return folder


def test_only_questions_that_both_have_scored_are_compared(
    run: RunFolder, second: RunFolder
) -> None:
    found = compare(run.path, second.path)
    assert (found.questions, found.only_one) == (4, 2)
    assert found.accuracy == (0.5, 0.5)
    assert found.difference.mean == 0.0
    assert [one.policy.name for one in found.runs] == ["openai:<b>small</b>", "planner:"]


def test_what_went_otherwise_is_listed_with_links_to_both_episodes(
    run: RunFolder, second: RunFolder
) -> None:
    found = compare(run.path, second.path)
    (worse,) = found.worse
    assert (worse.sample_id, worse.answers, worse.scores) == ("tiny-0", ("42", "40"), (1.0, 0.0))
    assert [one.sample_id for one in found.better] == ["tiny-1"]
    for link in worse.links:
        page, _, anchor = link.partition("#")
        assert f'id="{anchor}"' in (second.path / page).read_text()


def test_the_interval_is_that_of_the_difference_and_not_of_two_means(tmp_path: Path) -> None:
    # Two questions in a hundred go otherwise, both for the better.
    base = [episode(n, float(n % 3 == 0)) for n in range(100)]
    better = [episode(n, 1.0 if n in (1, 50) else float(n % 3 == 0)) for n in range(100)]
    folders = []
    for name, episodes in (("a", base), ("b", better)):
        folders.append(written(tmp_path / name, episodes, origin(100)))
        write_report(folders[-1])
    difference = compare(folders[0].path, folders[1].path).difference
    assert difference.mean == 0.02
    assert difference.low is not None
    assert difference.high is not None
    assert 0 <= difference.low < 0.02 < difference.high < 0.06
    assert compare(folders[1].path, folders[0].path).difference.mean == -0.02


def test_runs_of_other_questions_are_not_compared(run: RunFolder, tmp_path: Path) -> None:
    newer = written(tmp_path / "newer", EPISODES, origin(version="2"))
    write_report(newer)
    with pytest.raises(InvalidRequest, match="tiny 1 and tiny 2; only runs of one task and"):
        compare(run.path, newer.path)
    other = written(tmp_path / "other", [episode(0, 1.0, truth="7")], origin())
    write_report(other)
    with pytest.raises(InvalidRequest, match="the runs are of other questions: tiny-0"):
        compare(run.path, other.path)
    none = written(tmp_path / "none", [episode(0, None)], origin())
    write_report(none)
    with pytest.raises(InvalidRequest, match="no question that both have scored"):
        compare(run.path, none.path)


def test_it_is_written_as_a_file_of_its_own(run: RunFolder, second: RunFolder) -> None:
    text = msgspec.json.encode(compare(run.path, second.path))
    assert msgspec.json.decode(text)["folders"] == [str(run.path), str(second.path)]
