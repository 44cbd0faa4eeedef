from __future__ import annotations

import pytest

from bench.profile import weigh


def test_a_threads_time_is_shared_by_its_samples_and_unseen_threads_are_grpcs() -> None:
    stacks = [
        (["thread (7): tool-0", "write_png (png.py:1)"], 3),
        (["thread (7): tool-0", "digest_of (digest.py:1)"], 1),
        (["thread (8): MainThread", "run (events.py:1)"], 1000),
    ]
    weighed = list(weigh(stacks, {7: 8.0, 8: 1.0, 9: 0.5}))
    assert [ms for _, ms in weighed] == pytest.approx([6.0, 2.0, 1.0, 0.5])
    assert "grpc/" in weighed[-1][0][0]
