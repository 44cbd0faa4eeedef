from __future__ import annotations

from pathlib import Path

import pytest

from bench.ocr_recall import Reading, measure, recall_of, strict_recall_of, words_of


def reading(reference: str, returned: str) -> Reading:
    return Reading("chart.png", words_of([reference]), words_of([returned]), 0.1)


def test_words_are_runs_of_letters_and_digits_in_any_case() -> None:
    assert words_of(["Don't know: 12%", "KNOW_it"]) == {
        "don": 1, "t": 1, "know": 2, "12": 1, "it": 1,
    }  # fmt: skip


def test_recall_is_over_the_words_of_all_charts() -> None:
    readings = [reading("a b c", "a b c d"), reading("e", "f")]
    assert recall_of(readings) == pytest.approx(3 / 4)


def test_a_repeated_word_has_to_be_found_once_or_strictly_each_time() -> None:
    readings = [reading("yes yes no", "yes no")]
    assert recall_of(readings) == 1
    assert strict_recall_of(readings) == pytest.approx(2 / 3)


def test_words_that_nobody_recorded_do_not_count() -> None:
    assert recall_of([reading("a", "a x y z")]) == 1


def test_missed_words_are_named() -> None:
    assert reading("a b b", "a").missed == {"b": 2}


async def test_where_there_are_no_charts_a_note_says_so(tmp_path: Path) -> None:
    section = await measure(tmp_path)
    assert not section.goals
    assert "there is no" in section.notes[0]
