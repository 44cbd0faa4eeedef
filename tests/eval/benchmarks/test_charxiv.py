"""CharXiv, descriptive and reasoning."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thinkimg_agent.sample import Sample
from thinkimg_eval.benchmarks.charxiv.questions import DESCRIPTIVE
from thinkimg_eval.benchmarks.charxiv.rules import charxiv_rules, read_number
from thinkimg_eval.benchmarks.charxiv.task import charxiv
from thinkimg_eval.task import Task
from thinkimg_rpc.errors import InvalidRequest

from .tiny import picture, write, write_table


@pytest.fixture
def released(tmp_path: Path) -> Path:
    described = {
        "num_subplots": 2,
        "subplot_loc": [1, 2],
        "qids": [7, 13, 11, 18],
        "answers": ["60", "Ours, EWC", "Yes", "1 by 2"],
    }
    reasoned = {
        "figure_id": 3,
        "query": "How far apart are they?",
        "answer": "9.17",
        "inst_category": 4,
        "qa_source": 1,
    }
    write(tmp_path / "data" / "descriptive_val.json", {"3": {"figure_id": 3, **described}})
    write(tmp_path / "data" / "reasoning_val.json", {"3": reasoned})
    write(tmp_path / "images" / "3.jpg", picture())
    return tmp_path


@pytest.fixture
def tabled(tmp_path: Path) -> Path:
    row = {
        "image": picture(),
        "category": "cs",
        "subplot_row": 1,
        "subplot_col": 2,
        "subplot_loc": None,
        "reasoning_q": "How far apart are they?",
        "reasoning_a": "9.17",
        "reasoning_a_type": 4,
    }
    answers = [(7, "60"), (13, "Ours, EWC"), (11, "Yes"), (18, "1 by 2")]
    for number, (kind, answer) in enumerate(answers, 1):
        row |= {f"descriptive_q{number}": kind, f"descriptive_a{number}": answer}
    write_table(tmp_path / "val.parquet", [row])
    return tmp_path


@pytest.fixture(params=["released", "tabled"])
def task(request: pytest.FixtureRequest) -> Task:
    return charxiv(path=request.getfixturevalue(request.param))


def test_a_figure_has_four_descriptive_questions_and_one_of_reasoning(task: Task) -> None:
    assert [(one.category, one.truth) for one in task.samples] == [
        ("descriptive: information extraction", "60"),
        ("descriptive: enumeration", "Ours, EWC"),
        ("descriptive: pattern recognition", "Yes"),
        ("descriptive: pattern recognition", "1 by 2"),
        ("reasoning: number in general", "9.17"),
    ]
    assert all(one.images == (picture(),) for one in task.samples)


def test_a_question_says_which_plot_and_which_form(task: Task) -> None:
    assert task.samples[0].question.startswith("For the subplot at row 1 and column 2, what is")
    assert task.samples[3].question.startswith("How are the subplots laid out?")
    assert task.samples[4].question.endswith("Answer with a number of 2 decimals.")


def test_the_name_says_that_rules_decide(task: Task) -> None:
    assert task.name == "charxiv-rules"
    answers = ["60.0", "ours,EWC", "Yes, they do", "1 x 2", "9.170"]
    assert [
        task.scorer(answer, one) for answer, one in zip(answers, task.samples, strict=True)
    ] == [1] * 5


def test_one_part_can_be_asked_alone(released: Path) -> None:
    assert len(charxiv(path=released, part="reasoning").samples) == 1
    with pytest.raises(InvalidRequest, match="write descriptive, reasoning, all"):
        charxiv(path=released, part="reason")


def test_the_split_whose_answers_are_secret_is_refused(released: Path) -> None:
    (released / "data" / "reasoning_val.json").rename(released / "data" / "reasoning_test.json")
    described = {"subplot_loc": [0, 0], "qids": [1], "answers": [None]}
    write(released / "data" / "descriptive_test.json", {"3": described})
    with pytest.raises(InvalidRequest, match="not public; take val"):
        charxiv(path=released, split="test")


@pytest.mark.parametrize(
    ("rule", "truth", "answer", "score"),
    [
        ("number", "10^-2", "0.01", 1),
        ("number", "1500", "1.5e3", 1),
        ("number", "40,000", "40000", 1),
        ("number", "0.2", "0.20", 1),
        ("number", "2", "20", 0),
        ("number", "Not Applicable", "not applicable", 1),
        ("number", "Not Applicable", "0", 0),
        ("number", "3", "Not Applicable", 0),
        ("term", "\N{GREEK SMALL LETTER ALPHA} and β", "\\alpha and $\\beta$", 1),
        ("term", "(b) OPT", "OPT", 1),
        ("term", "(c)", "c", 1),
        ("term", "(c)", "(b)", 0),
        ("term", "10^2", "100", 1),
        ("terms", "PD-HDDPG, plain", "plain, PD-HDDPG", 1),
        ("ordered terms", "A, B", "B, A", 0),
        ("ordered terms", "T56,B33", "T56, B33", 1),
        ("yes or no", "yes", "No, they are parallel", 0),
        ("yes or no", "No", "none of them", 0),
        ("layout", "2 by 3", "2 rows and 3 columns", 1),
        ("layout", "2 by 3", "3 by 2", 0),
        ("words", "increases then stabilizes", "Increases then  stabilizes", 1),
        # What a judge would let pass: the reason that these scores say "rules".
        ("words", "increases", "goes up", 0),
        ("term", "A^t_v", "A_v^t", 0),
    ],
)
def test_each_kind_has_its_rule(rule: str, truth: str, answer: str, score: float) -> None:
    sample = Sample(id="1", question="?", images=(), truth=truth, details={"rule": rule})
    assert charxiv_rules(answer, sample) == score


RULES = sorted({kind.rule for kind in DESCRIPTIVE.values()} | {"terms"})


@given(st.sampled_from(RULES), st.text(max_size=20), st.text(min_size=1, max_size=20))
def test_no_answer_raises_and_the_truth_is_right(rule: str, answer: str, truth: str) -> None:
    sample = Sample(id="1", question="?", images=(), truth=truth, details={"rule": rule})
    assert charxiv_rules(answer, sample) in (0, 1)
    assert charxiv_rules(truth, sample) == float(bool(truth.strip()))


@pytest.mark.parametrize("text", ["", "ten", "1,50", "-", ".", "10^", "1 to 2", "e5", "(3)"])
def test_what_is_no_number_is_none(text: str) -> None:
    assert read_number(text) is None


@pytest.mark.parametrize(
    ("text", "number"),
    [("$10^{-2}$", 0.01), ("2 × 10^3", 2000), ("-3", -3), (".5", 0.5), ("5.", 5), ("94%", 94)],
)
def test_numbers_are_read_in_the_notations_of_charts(text: str, number: float) -> None:
    assert read_number(text) == number
