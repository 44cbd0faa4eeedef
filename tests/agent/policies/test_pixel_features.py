"""Pixel inputs of several images, side by side."""

from __future__ import annotations

import pytest
import torch

from thinkimg_agent.policies.pixel_features import joined, shape_of


def test_patches_stand_one_after_another() -> None:
    made = joined([{"pixels": torch.ones(3, 5)}, {"pixels": torch.zeros(2, 5)}])
    assert made["pixels"].sum(1).tolist() == [5, 5, 5, 0, 0]


def test_tiles_are_filled_up_with_black_to_the_largest() -> None:
    one, two = torch.ones(1, 2, 3, 4, 4), torch.ones(1, 1, 3, 4, 6)
    made = joined([{"pixels": one}, {"pixels": two}])["pixels"]
    assert made.shape == (2, 2, 3, 4, 6)
    assert torch.equal(made[0, :, :, :, :4], one[0])
    assert made.sum() == one.sum() + two.sum()


def test_what_only_some_have_is_theirs_in_order() -> None:
    made = joined([{"sizes": torch.tensor([[1, 2]])}, {}, {"sizes": torch.tensor([[3, 4]])}])
    assert made["sizes"].tolist() == [[1, 2], [3, 4]]


def test_patches_that_are_counted_are_counted_on_in_later_pieces() -> None:
    def piece(crops: int, *pooled: int) -> dict[str, torch.Tensor]:
        pooling = torch.tensor([list(pooled)])
        return {"pixel_values": torch.ones(crops, 4, 5), "image_token_pooling": pooling}

    made = joined([piece(2, 0, 7), {}, piece(1, 3, -1), piece(1, 0, 1)])
    assert made["image_token_pooling"].tolist() == [[0, 7], [11, -1], [12, 13]]


@pytest.mark.parametrize("other", [torch.ones(2, 6), torch.ones(2, 5, 1)])
def test_features_that_do_not_fit_are_refused_and_told_apart_beforehand(
    other: torch.Tensor,
) -> None:
    one = {"patches": torch.ones(3, 5)}
    assert shape_of(one) != shape_of({"patches": other})
    with pytest.raises(ValueError, match="patches has different"):
        joined([one, {"patches": other}])
