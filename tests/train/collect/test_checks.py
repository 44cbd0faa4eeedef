"""The rules that a teacher's trajectory is judged by."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thinkimg_agent.trajectory import StopReason, Trajectory
from thinkimg_train.collect.checks import likeness_key, reasons_against
from thinkimg_train.collect.config import ChecksSection
from thinkimg_train.collect.evidence import says, terms, told_by

from .lessons import call, lesson, read, turn

LOOKED = turn("I read the text.", read("Lima", "Oslo", "12", "7"))


def rules(trajectory: Trajectory, **checks: int) -> list[str]:
    return [one.rule for one in reasons_against(trajectory, ChecksSection(**checks))]


def test_a_look_and_an_answer_out_of_it_are_a_lesson() -> None:
    assert rules(lesson(LOOKED)) == []


def test_no_answer_is_no_lesson() -> None:
    cut = lesson(LOOKED, answer=None, stop=StopReason.TURN_LIMIT, score=0.0)
    assert rules(cut) == ["unanswered"]


def test_a_turn_that_could_not_be_parsed_spoils_it() -> None:
    broken = turn("")
    broken.problem = "no call"
    [reason] = reasons_against(lesson(broken, LOOKED), ChecksSection())
    assert str(reason) == "unparseable: turn 1: no call"


def test_the_scorer_decides_what_is_right() -> None:
    [reason] = reasons_against(lesson(LOOKED, truth="Oslo", score=0.0), ChecksSection())
    assert str(reason) == 'wrong_answer: "Lima", not "Oslo"'


def test_an_answer_without_a_look_is_one_only_where_that_is_asked_for() -> None:
    assert rules(lesson()) == ["no_call"]
    assert rules(lesson(), min_calls=0) == []


FAILED = call("OCR", error="img: unknown field", img="img_1")


def test_a_failed_call_must_be_mended_in_the_next_turn() -> None:
    assert rules(lesson(turn("a", FAILED), LOOKED)) == []
    assert rules(lesson(turn("a", FAILED), turn("b", call("Crop")), LOOKED, made_in=(1,))) == [
        "invalid_call"
    ]
    assert rules(lesson(LOOKED, turn("a", call("Crop", error="no")))) == ["invalid_call"]
    assert rules(lesson(turn("a", FAILED), LOOKED), mended_calls=0) == ["invalid_call"]


def test_the_same_call_is_made_once_however_it_is_spelled() -> None:
    again = read("Lima")
    again.name = "ocr"
    assert "repeated_call" in rules(lesson(LOOKED, turn("again", again)))


def test_a_look_of_which_nothing_is_taken_up_is_needless() -> None:
    needless = turn("And this?", call("Point", {"points": [[3, 4]]}, query="x"))
    assert rules(lesson(LOOKED, needless)) == ["unused_result"]


@pytest.mark.parametrize(
    "trajectory",
    [
        lesson(LOOKED, turn("And this?", call("Crop", {"image": "img_2"})), made_in=(1,)),
        lesson(
            LOOKED,
            turn("a", call("Point", {"points": [[3, 4]]})),
            turn("At 3, 4 it is.", call("Crop")),
            made_in=(2,),
        ),
        lesson(
            turn("a", call("Point", {"points": [[3, 4], [5, 6]]})),
            question="How many are there?",
            answer="2",
        ),
        lesson(turn("a", read("12", "7")), question="Is it more?", answer="yes"),
        lesson(LOOKED, turn("a", call("GroundingDINO", {"detections": [{"box": [0, 0, 50, 50]}]}))),
        lesson(turn("a", call("Point", {"points": [[3, 4]]}), FAILED), turn("b", read("Lima"))),
    ],
    ids=["image", "coordinates", "worked out", "judged", "around the text", "mended"],
)
def test_a_look_may_be_taken_up_in_many_ways(trajectory: Trajectory) -> None:
    assert rules(trajectory) == []


@pytest.mark.parametrize("thought", ["Lima, I think.", "Is it LIMA?"])
def test_the_answer_must_not_come_before_what_tells_it(thought: str) -> None:
    leaked = turn(thought, read("Lima", "Oslo"))
    assert rules(lesson(leaked)) == ["leaked_answer"]
    asked_for = turn("I look.", call("Point", {"points": [[1, 2]]}, query="Lima"))
    assert rules(lesson(asked_for, turn("At 1, 2.", read("Lima")))) == ["leaked_answer"]


def test_also_the_truth_must_not_leak() -> None:
    leaked = turn("It must be 12.4 here.", read("10", "15"))
    asked = "How high is it?"
    assert rules(lesson(leaked, question=asked, answer="12.5", truth="12.4")) == ["leaked_answer"]


@pytest.mark.parametrize(
    "trajectory",
    [
        lesson(LOOKED, turn("Lima, closer.", call("Crop", {"image": "img_2"})), made_in=(1,)),
        lesson(LOOKED, turn("It is 9.5, between both.", read("9")), answer="9.5"),
        lesson(
            turn("a", call("Crop", {"image": "img_2"})), turn("Lima?", read("Lima")), made_in=(0,)
        ),
        lesson(turn("Lima or Oslo?", read("Lima")), question="Lima or Oslo: which is higher?"),
        lesson(turn("Yes, I look.", read("7")), question="Is it more?", answer="yes"),
    ],
    ids=["read", "worked out", "seen", "named by the question", "a word of no weight"],
)
def test_an_answer_that_could_be_known_is_no_leak(trajectory: Trajectory) -> None:
    assert "leaked_answer" not in rules(trajectory)


def test_a_common_answer_leaks_where_it_is_called_the_answer() -> None:
    leaked = turn("The answer is yes, I look anyway.", read("7", "9"))
    assert rules(lesson(leaked, question="Is it more?", answer="yes")) == ["leaked_answer"]


def test_likeness_is_of_question_images_and_calls() -> None:
    other_words = turn("Let me read.", read("Lima", "Oslo", "12", "7"))
    assert likeness_key(lesson(LOOKED)) == likeness_key(lesson(other_words))
    assert likeness_key(lesson(LOOKED)) != likeness_key(lesson(LOOKED, question="Why?"))
    assert likeness_key(lesson(LOOKED)) != likeness_key(lesson(LOOKED, LOOKED))


def test_terms_are_words_and_numbers_as_they_are_meant() -> None:
    assert terms("The GDP of Lima: 1,200.50 or -3 (a)") == {
        "the",
        "gdp",
        "of",
        "lima",
        "1200.5",
    } | {
        "or",
        "-3",
    }
    assert told_by('{"spans": [{"text": "Lima", "box": [1, 2]}]}') == {"lima", "1", "2"}


@given(st.text(), st.text(min_size=2))
def test_a_text_says_what_stands_in_it_alone(before: str, answer: str) -> None:
    assert says(f"{before} the answer is {answer} .", answer) or not answer.strip()
    assert not says("", answer) or not answer.strip()


@pytest.mark.parametrize("text", ["12.5", "112", "12,000", "-12", "x12"])
def test_a_number_is_not_said_by_a_longer_one(text: str) -> None:
    assert not says(f"I see {text} there", "12")
    assert says("I see 12, there", "12")
