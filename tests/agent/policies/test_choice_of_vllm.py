"""`vllm:` where vLLM is not installed, as in the environment of these tests."""

from __future__ import annotations

import pytest

from thinkimg_agent.policies.choice import open_policy
from thinkimg_rpc.errors import InvalidRequest


def test_without_vllm_one_is_told_what_to_install() -> None:
    with pytest.raises(InvalidRequest, match=r"pip install 'thinkimg-rpc\[vllm\]'"):
        open_policy("vllm:/no/folder")
