"""The part of the benchmark that plays rollouts: ours and TRL's are the same episodes."""

from __future__ import annotations

import pytest

from bench import group_rollouts


@pytest.mark.timeout(240)
def test_both_trainers_sample_the_same_tokens_and_make_the_same_calls(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(group_rollouts, "PROMPTS", 2)
    monkeypatch.setattr(group_rollouts, "GROUP_SIZE", 2)
    monkeypatch.setattr(group_rollouts, "THOUGHTS", range(2, 6, 2))
    monkeypatch.setattr(group_rollouts, "ROUNDS", 1)
    monkeypatch.setattr(group_rollouts, "CALL_S", 0.1)
    # It looks itself whether every episode calls the tool twice and then answers.
    section = group_rollouts.measure_group_rollouts()
    (ours, *_, our_tokens), (theirs, *_, their_tokens) = section.rows
    assert (ours, theirs) == ("thinkimg", "TRL")
    assert our_tokens == their_tokens
    assert int(our_tokens.replace(",", "")) > 4 * 3 * 10
    assert len(section.goals) == 2
