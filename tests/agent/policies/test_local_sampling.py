"""What is sampled, and with what probability."""

from __future__ import annotations

import pytest
import torch

from thinkimg_agent.policies.local_sampling import LocalSampling, Sampled

SCORES = torch.tensor([[2.0, 1.0, 0.0, 5.0]])


def step(sampling: LocalSampling, suppressed: list[int]) -> tuple[Sampled, torch.Tensor]:
    sampled = Sampled(sampling, suppressed, start=2)
    return sampled, sampled.processors()(torch.zeros(1, 2, dtype=torch.long), SCORES.clone())


def test_probabilities_are_those_that_were_sampled_from() -> None:
    sampled, scores = step(LocalSampling(temperature=0.5, top_p=0.9), [3])
    assert scores[0].isneginf().tolist() == [False, False, True, True]
    ids, logprobs = sampled.turns(torch.tensor([[0, 0, 1]]))
    assert ids == [[1]]
    expected = torch.tensor([4.0, 2.0]).log_softmax(-1)[1].item()
    assert logprobs[0] == pytest.approx([expected])


def test_the_likeliest_token_is_taken_of_those_that_may_be_sampled() -> None:
    sampled, scores = step(LocalSampling(), [3])
    assert scores.argmax() == 0
    _, logprobs = sampled.turns(torch.tensor([[0, 0, 0]]))
    assert logprobs[0] == pytest.approx([SCORES[0, :3].log_softmax(-1)[0].item()])


def test_each_step_keeps_one_probability_and_no_scores() -> None:
    sampled, _ = step(LocalSampling(), [])
    chain = sampled.processors()
    for length in (3, 4):
        chain(torch.full((1, length), 3), SCORES.clone())
    _, logprobs = sampled.turns(torch.full((1, 5), 3))
    assert logprobs[0] == pytest.approx([SCORES.log_softmax(-1)[0, 3].item()] * 3)


def drawn(seeds: list[int], rows: int) -> list[int]:
    sampled = Sampled(LocalSampling(temperature=1.0), [3], 2, seeds)
    assert not sampled.left_to_draw
    scores = sampled.processors()(torch.zeros(rows, 2, dtype=torch.long), SCORES.expand(rows, -1))
    tokens: list[int] = scores.argmax(-1).tolist()
    return tokens


def test_a_row_with_a_seed_draws_the_same_whatever_stands_beside_it() -> None:
    together = drawn(list(range(40)), 40)
    assert len(set(together)) == 3
    assert [drawn([seed], 1)[0] for seed in range(40)] == together


def test_rows_with_seeds_draw_by_the_probabilities() -> None:
    found = torch.tensor(drawn(list(range(4000)), 4000)).bincount(minlength=4) / 4000
    expected = torch.tensor([*SCORES[0, :3].softmax(-1).tolist(), 0.0])
    assert (found - expected).abs().max() < 0.03
