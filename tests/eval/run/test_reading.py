"""What a configuration may say, and what is said of mistakes in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thinkimg_agent.episode import Limits
from thinkimg_eval.run.config import MeshSection, PolicyConfig, RetrySection, RunConfig, TaskConfig
from thinkimg_eval.run.reading import folders_of, override_of, read_runs
from thinkimg_rpc.errors import InvalidRequest

LEAST = [("task", "tiny"), ("policy", "planner:"), ("out", "runs/a")]

FILE = """
[[run]]
out = "runs"
name = "small"
limit = 5
task = { name = "tiny", questions = 3, note = "a.txt" }
policy = "openai:small"
[run.limits]
deadline_s = 60

[[run]]
out = "runs"
seed = 7
tools = ["Crop"]
task = "tiny"
[run.policy]
name = "openai:large"
base_url = ["http://a/v1", "http://b/v1"]
temperature = 1
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "runs.toml"
    path.write_text(FILE)
    return path


def test_a_command_line_alone_is_a_run() -> None:
    (run,) = read_runs(None, LEAST)
    assert run == RunConfig(
        task=TaskConfig(name="tiny"), policy=PolicyConfig(name="planner:"), out=Path("runs/a")
    )


def test_a_file_holds_several_runs_with_all_their_fields(file: Path) -> None:
    small, large = read_runs(file, [])
    assert small.task == TaskConfig(name="tiny", options={"questions": 3, "note": "a.txt"})
    assert small.policy == PolicyConfig(name="openai:small")
    assert (small.limit, small.limits) == (5, Limits(deadline_s=60.0))
    assert large.policy.base_url == ("http://a/v1", "http://b/v1")
    assert (large.policy.temperature, large.seed, large.tools) == (1.0, 7, ("Crop",))


def test_every_field_can_be_said_over_the_file_for_all_of_its_runs(file: Path) -> None:
    words = "--policy.temperature 0.5 --policy.base_url=http://c/v1,http://d/v1 --limit 9"
    words += " --limits.max_turns 4 --mesh.serve --retry.times 0 --task.questions 8"
    for run in read_runs(file, override_of(words.split())):
        assert run.policy.temperature == 0.5
        assert run.policy.base_url == ("http://c/v1", "http://d/v1")
        assert (run.limit, run.limits.max_turns, run.task.options["questions"]) == (9, 4, "8")
        assert (run.mesh, run.retry) == (MeshSection(serve=True), RetrySection(times=0))


def test_a_list_of_tasks_is_a_run_of_each() -> None:
    runs = read_runs(None, [*LEAST, ("task", "tiny, other"), ("task.seed", "3")])
    assert [(run.task.name, run.task.options) for run in runs] == [
        ("tiny", {"seed": "3"}),
        ("other", {"seed": "3"}),
    ]


def test_runs_that_share_a_folder_get_one_inside_it_each() -> None:
    runs = read_runs(None, [*LEAST, ("task", "a,b")])
    placed = folders_of(runs, ["tiny", "other"])
    assert [run.out for run in placed] == [Path("runs/a/tiny"), Path("runs/a/other")]
    (alone,) = folders_of(runs[:1], ["tiny"])
    assert alone.out == Path("runs/a")
    with pytest.raises(InvalidRequest, match="name: several runs would write into runs/a/tiny"):
        folders_of(runs, ["tiny", "tiny"])


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--limits.max_turn 3", "limits.max_turn: there is no such field; did you mean max_turns?"),
        ("--polcy.dialect native", "polcy: there is no such field; did you mean policy?"),
        ("--limits.max_turns many", 'limits.max_turns: write a whole number, not "many"'),
        ("--policy.temperature hot", 'policy.temperature: write a number, not "hot"'),
        ("--mesh.serve perhaps", 'mesh.serve: write true or false, not "perhaps"'),
        ("--limit 0", 'limit: write a whole number, not "0": at least 1'),
        ("--out.folder x", "out.folder: out has no fields of its own"),
        ("dev", "dev: belongs to no field; write --field value"),
        ("--limits 3", 'limits: write a table, not "3"'),
    ],
)
def test_a_mistake_on_the_command_line_names_the_field_and_the_remedy(
    words: str, says: str
) -> None:
    with pytest.raises(InvalidRequest) as error:
        read_runs(None, [*LEAST, *override_of(words.split())])
    assert str(error.value) == says


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("[[run]]", "[[rum]]", "rum: there is no such field; did you mean run?"),
        ("deadline_s = 60", 'deadline_s = "60"', 'limits.deadline_s: write a number, not "60"'),
        ("limit = 5", "limit = 5.5", "limit: write a whole number, not 5.5"),
        ('policy = "openai:small"', "", "policy: is missing; say for example --policy planner:"),
        ('policy = "openai:small"', "policy = {}", "policy.name: is missing"),
        ("limit = 5", "limit =", "is not valid TOML"),
    ],
)
def test_a_mistake_in_a_file_names_the_field_and_the_remedy(
    file: Path, old: str, new: str, says: str
) -> None:
    file.write_text(FILE.replace(old, new))
    with pytest.raises(InvalidRequest) as error:
        read_runs(file, [])
    assert says in str(error.value)


@pytest.mark.parametrize("name", ["task", "policy", "out"])
def test_what_every_run_needs_is_asked_for_with_an_example(name: str) -> None:
    with pytest.raises(InvalidRequest, match=f"{name}: is missing; say for example --{name} "):
        read_runs(None, [(field, value) for field, value in LEAST if field != name])


@given(
    st.lists(
        st.tuples(
            st.from_regex(r"[a-z]+(\.[a-z_]+)?", fullmatch=True),
            st.from_regex(r"[^\-\s][^\s]*", fullmatch=True),
        )
    )
)
def test_fields_are_read_as_they_were_written(fields: list[tuple[str, str]]) -> None:
    apart = [word for field, value in fields for word in (f"--{field}", value)]
    together = [f"--{field}={value}" for field, value in fields]
    assert override_of(apart) == override_of(together) == fields
