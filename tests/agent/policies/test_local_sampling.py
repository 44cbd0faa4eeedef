"""What is sampled, and with what probability."""

from __future__ import annotations

import pytest
import torch

from thinkimg_agent.policies.local_sampling import LocalSampling, Sampler

SCORES = torch.tensor([[2.0, 1.0, 0.0, 5.0]])


def test_probabilities_are_those_that_were_sampled_from() -> None:
    sampler = Sampler(LocalSampling(temperature=0.5, top_p=0.9), [3], seeds=list(range(200)))
    tokens, logprobs = sampler.draw(SCORES.expand(200, -1), range(200))
    assert set(tokens.tolist()) == {0, 1}
    expected = torch.tensor([4.0, 2.0]).log_softmax(-1)
    assert torch.allclose(logprobs, expected[tokens])


def test_the_likeliest_token_is_taken_of_those_that_may_be_sampled() -> None:
    tokens, logprobs = Sampler(LocalSampling(), [3]).draw(SCORES, [0])
    assert tokens.tolist() == [0]
    assert logprobs.tolist() == pytest.approx([SCORES[0, :3].log_softmax(-1)[0].item()])


def drawn(seeds: list[int | None], rows: list[int], steps: int = 1) -> list[list[int]]:
    """The tokens of some rows of a pass, step by step."""
    sampler = Sampler(LocalSampling(temperature=1.0), [3], seeds)
    scores = SCORES.expand(len(rows), -1)
    return [sampler.draw(scores, rows)[0].tolist() for _ in range(steps)]


def test_a_row_with_a_seed_draws_the_same_whatever_stands_beside_it() -> None:
    (together,) = drawn(list(range(40)), list(range(40)))
    assert len(set(together)) == 3
    assert [drawn([seed], [0])[0][0] for seed in range(40)] == together


def test_a_row_draws_the_same_when_others_have_left() -> None:
    seeds: list[int | None] = list(range(40))
    whole = drawn(seeds, list(range(40)), steps=3)
    some = drawn(seeds, [3, 17, 38], steps=3)
    assert some == [[step[row] for row in (3, 17, 38)] for step in whole]


@pytest.mark.parametrize("seeded", [True, False])
def test_rows_draw_by_the_probabilities(seeded: bool) -> None:
    torch.manual_seed(0)
    seeds: list[int | None] = list(range(4000)) if seeded else [None] * 4000
    (tokens,) = drawn(seeds, list(range(4000)))
    found = torch.tensor(tokens).bincount(minlength=4) / 4000
    expected = torch.tensor([*SCORES[0, :3].softmax(-1).tolist(), 0.0])
    assert (found - expected).abs().max() < 0.03
