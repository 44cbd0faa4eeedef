"""How undecided a policy is."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from thinkimg_train.losses.entropy import token_entropies


def plain(scores: torch.Tensor) -> torch.Tensor:
    logs = scores.log_softmax(-1)
    return -(logs.exp() * logs).sum(-1)


def test_entropies_computed_by_hand() -> None:
    scores = torch.tensor([[0.0, 0.0, 0.0, 0.0], [50.0, 0.0, 0.0, 0.0], [0.0, 0.0, -1e9, -1e9]])
    found = token_entropies(scores)
    assert found.tolist() == pytest.approx([math.log(4), 0.0, math.log(2)], abs=1e-6)


@pytest.mark.parametrize("rows_at_once", [1, 3, 7, 256])
def test_entropies_and_their_gradients_are_those_of_all_rows_at_once(rows_at_once: int) -> None:
    scores = (3 * torch.randn(7, 50)).requires_grad_()
    weights = torch.randn(7)
    found, wanted = token_entropies(scores, rows_at_once), plain(scores)
    torch.testing.assert_close(found, wanted)
    slopes = [torch.autograd.grad((one * weights).sum(), scores)[0] for one in (found, wanted)]
    torch.testing.assert_close(*slopes, atol=1e-6, rtol=1e-5)


def test_a_word_that_is_ruled_out_leaves_everything_finite() -> None:
    scores = torch.tensor([[0.0, 1.0, -math.inf]], requires_grad=True)
    found = token_entropies(scores)
    torch.testing.assert_close(found, plain(scores.detach()[:, :2]))
    (slope,) = torch.autograd.grad(found.sum(), scores)
    assert bool(slope.isfinite().all())
    assert slope[0, 2] == 0


def test_scores_of_half_the_digits_have_entropies_of_all() -> None:
    scores = torch.randn(5, 64, dtype=torch.bfloat16, requires_grad=True)
    found = token_entropies(scores, rows_at_once=2)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, plain(scores.detach().float()))
    (slope,) = torch.autograd.grad(found.sum(), scores)
    assert slope.dtype == torch.bfloat16


def test_no_more_than_some_rows_become_probabilities_at_once() -> None:
    scores = torch.randn(64, 32, dtype=torch.bfloat16, requires_grad=True)
    with _Largest() as largest:
        torch.autograd.grad(token_entropies(scores, rows_at_once=4).sum(), scores)
    assert largest.floats == 4 * 32


Mode: Any = TorchDispatchMode


class _Largest(Mode):  # type: ignore[misc]
    """The most numbers of float32 in one tensor that was made meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self.floats = 0

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        made = function(*args, **(kwargs or {}))
        if isinstance(made, torch.Tensor) and made.dtype == torch.float32:
            self.floats = max(self.floats, made.numel())
        return made
