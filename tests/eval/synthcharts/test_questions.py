from __future__ import annotations

from collections import Counter, defaultdict
from itertools import islice

import pytest

from thinkimg_eval.synthcharts.asked import Family, Way
from thinkimg_eval.synthcharts.looks import PALETTES
from thinkimg_eval.synthcharts.questions import Question
from thinkimg_eval.synthcharts.splits import SPLITS, Asking, askings
from thinkimg_eval.synthcharts.subjects import SUBJECTS
from thinkimg_eval.synthcharts.task import score
from thinkimg_eval.synthcharts.verify import as_sample, verify
from thinkimg_eval.synthcharts.wording import read_question


@pytest.fixture(scope="module")
def tested() -> list[Asking]:
    return list(askings("test", 0))


@pytest.fixture(scope="module")
def questions(tested: list[Asking]) -> list[Question]:
    return [question for asking in tested for question in asking.questions]


def scored(answer: str, question: Question) -> float:
    result = score(answer, as_sample(question))
    assert isinstance(result, float)
    return result


def test_the_oracle_answers_every_question_from_the_geometry_alone() -> None:
    verified = verify(90, seed=7)
    assert verified.differing == []
    assert verified.right == verified.asked
    assert verified.asked.total() == 90


def test_a_split_has_its_number_of_questions_and_four_to_six_a_chart(
    tested: list[Asking],
) -> None:
    assert sum(len(asking.questions) for asking in tested) == SPLITS["test"].questions
    assert {len(asking.questions) for asking in tested[:-1]} == {4, 5, 6}


def test_no_question_is_asked_twice_of_a_chart(tested: list[Asking]) -> None:
    for asking in tested:
        asked = [question.asked for question in asking.questions]
        assert len(set(asked)) == len(asked)


def test_every_family_has_its_share(questions: list[Question]) -> None:
    counted = Counter(question.asked.family for question in questions)
    assert set(counted) == set(Family)
    assert min(counted.values()) > len(questions) / len(Family) / 2


def test_no_answer_is_a_safe_guess(questions: list[Question]) -> None:
    of_family = defaultdict(list)
    for question in questions:
        of_family[question.asked.family].append(question)
    for family, asked in of_family.items():
        guesses = {question.truth for question in asked}
        best = max(sum(scored(guess, each) for each in asked) for guess in guesses) / len(asked)
        assert best <= (0.51 if family is Family.YES_NO else 0.2), family


def test_yes_and_no_are_as_frequent(questions: list[Question]) -> None:
    counted = Counter(each.truth for each in questions if each.asked.family is Family.YES_NO)
    assert set(counted) == {"yes", "no"}
    assert abs(counted["yes"] - counted["no"]) <= 1


def test_comparing_names_at_least_five_in_no_telling_order(questions: list[Question]) -> None:
    compared = [each for each in questions if each.asked.family is Family.COMPARE]
    places = Counter(each.asked.categories.index(each.truth) for each in compared)
    assert min(len(each.asked.categories) for each in compared) >= 5
    assert max(places.values()) <= len(compared) / 3


def test_the_wording_of_every_question_is_read_back(questions: list[Question]) -> None:
    for question in questions:
        assert read_question(question.text) == question.asked


def test_no_two_of_the_splits_share_a_chart(tested: list[Asking]) -> None:
    splits = {
        "test": {asking.plan.content for asking in tested},
        "test of another seed": {asking.plan.content for asking in islice(askings("test", 1), 50)},
        "dev": {asking.plan.content for asking in islice(askings("dev", 0), 50)},
        "train": {asking.plan.content for asking in islice(askings("train", 0), 150)},
        "sft": {asking.plan.content for asking in islice(askings("sft", 0), 150)},
    }
    assert len(set().union(*splits.values())) == sum(map(len, splits.values()))


def test_a_value_to_be_read_off_an_axis_is_well_above_its_start(tested: list[Asking]) -> None:
    for asking in tested:
        [panel, *others] = asking.plan.panels
        for question in asking.questions:
            if question.asked.family is Family.UNLABELLED_VALUE:
                assert not others
                assert panel.scale is not None
                assert float(question.truth) >= panel.scale.low + 0.3 * panel.span


def test_each_colour_of_a_chart_has_a_name_of_its_own(tested: list[Asking]) -> None:
    for asking in tested:
        for panel in asking.plan.panels:
            colors = [color.name for _, color in panel.keys]
            assert len(set(colors)) == len(colors)


def test_a_panel_is_named_whenever_there_are_several(tested: list[Asking]) -> None:
    for asking in tested:
        for question in asking.questions:
            asked = question.asked
            several = len(asking.plan.panels) > 1
            assert several == (asked.family is Family.PANEL)
            assert bool(asked.panel) == (several and asked.way is not Way.SHOWN)


def test_an_unknown_split_is_refused() -> None:
    with pytest.raises(ValueError, match="holiday"):
        next(askings("holiday", 0))


def test_no_name_of_a_subject_is_a_colour_or_means_two_things() -> None:
    colors = {color.name for palette in PALETTES for color in palette}
    for subject in SUBJECTS:
        names = {*subject.categories, *subject.series}
        assert len(names) == len({*subject.categories}) + len({*subject.series}), subject
        assert not colors & {name.casefold() for name in names}
        assert len(subject.series) >= 8
