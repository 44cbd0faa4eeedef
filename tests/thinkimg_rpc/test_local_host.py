"""How this machine is reached from others."""

from __future__ import annotations

import pytest

from thinkimg_rpc.local_host import local_host
from thinkimg_rpc.settings import CannotStart


def test_a_mesh_on_this_machine_is_reached_over_loopback() -> None:
    assert local_host("localhost:50051") == "127.0.0.1"


def test_of_several_registries_the_first_says_which_way_leads_to_them() -> None:
    assert local_host("127.0.0.1:50051,no-such-host.invalid:1") == "127.0.0.1"


def test_a_host_that_does_not_exist_is_named() -> None:
    with pytest.raises(CannotStart, match=r"how this machine is reached from no-such-host.invalid"):
        local_host("no-such-host.invalid:1")
