"""`thinkimg eval run --swapped_images true`: tools that look at another question's images."""

from __future__ import annotations

from pathlib import Path

import pytest

from thinkimg_agent.trajectory import ImageRecord
from thinkimg_agent.trajectory_file import image_path, read_trajectories
from thinkimg_rpc.errors import InvalidRequest
from thinkimg_rpc.imaging.codec import decode

from .test_runner import config, make


async def test_a_call_is_answered_about_another_image_and_the_question_shows_its_own(
    crop_mesh: str, look_and_answer: Path, tmp_path: Path
) -> None:
    await make(config(crop_mesh, look_and_answer, tmp_path / "own"))
    swapped = config(crop_mesh, look_and_answer, tmp_path / "swapped", swapped_images=True)
    await make(swapped)
    # Three pictures of four questions each, told apart by their grey: half of twelve further on.
    assert greys(tmp_path / "own") == [(n // 4, n // 4) for n in range(12)]
    assert greys(tmp_path / "swapped") == [(n // 4, (n + 6) % 12 // 4) for n in range(12)]


async def test_results_of_it_do_not_mix_with_others(
    crop_mesh: str, look_and_answer: Path, tmp_path: Path
) -> None:
    await make(config(crop_mesh, look_and_answer, tmp_path, swapped_images=True))
    with pytest.raises(InvalidRequest, match="swapped_images"):
        await make(config(crop_mesh, look_and_answer, tmp_path))


def greys(run: Path) -> list[tuple[int, int]]:
    """Of each question's own image, and of what the tool has cut out."""
    return [
        (_grey(run, asked), _grey(run, cut))
        for asked, cut in (one.images for one in read_trajectories(run))
    ]


def _grey(run: Path, image: ImageRecord) -> int:
    path = image_path(run, image.digest)
    assert path is not None
    data = path.read_bytes()
    return int(decode(data, max_pixels=1 << 20)[0, 0, 0])
