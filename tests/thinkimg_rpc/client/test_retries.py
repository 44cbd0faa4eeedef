"""The mesh's own faults are tried again elsewhere, the caller's never."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from typing import ClassVar

import pytest
import pytest_asyncio

from thinkimg_rpc.client import Mesh
from thinkimg_rpc.errors import (
    CallerError,
    InternalFault,
    InvalidRequest,
    NotFound,
    Overloaded,
    ThinkImgError,
    Unavailable,
)
from thinkimg_rpc.testing import Echo
from thinkimg_rpc.testing.v1 import EchoRequest, EchoResponse
from thinkimg_rpc.tool import Call
from thinkimg_rpc.v1 import Image

from ...mesh_fixtures import error_of, png, served

pytestmark = pytest.mark.asyncio(loop_scope="session")


class Failing(Echo):
    """Raises what is left to raise, and then answers."""

    left: ClassVar[list[BaseException]] = []
    tried: ClassVar[Counter[str]] = Counter()

    def run(self, request: EchoRequest, call: Call) -> EchoResponse:
        self.tried[call.worker_id] += 1
        if self.left:
            raise self.left.pop()
        return super().run(request, call)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def client() -> AsyncIterator[Mesh]:
    async with served([Failing], workers=2) as mesh, Mesh(mesh.address) as connected:
        yield connected


@pytest.fixture(autouse=True)
def nothing_left() -> None:
    Failing.left.clear()
    Failing.tried.clear()


@pytest.mark.parametrize("image", [None, Image(data=png())], ids=["streamed", "with an image"])
@pytest.mark.parametrize(
    "fault",
    [Unavailable("model is reloading"), Overloaded("full", retry_after_s=0.01), LookupError("bug")],
    ids=lambda fault: type(fault).__name__,
)
async def test_a_fault_of_one_worker_is_made_good_by_the_other(
    client: Mesh, fault: Exception, image: Image | None
) -> None:
    Failing.left.append(fault)

    assert (await client.send(EchoRequest(text="done", image=image))).text == "done"
    assert Failing.tried == {"worker-0": 1, "worker-1": 1}


@pytest.mark.parametrize(
    "error",
    [InvalidRequest.field("text", "rude"), NotFound("nothing like it")],
    ids=lambda error: type(error).__name__,
)
async def test_the_callers_mistake_is_told_at_once(client: Mesh, error: ThinkImgError) -> None:
    Failing.left.append(error)
    told = await error_of(client.send(EchoRequest()))

    assert isinstance(told, CallerError)
    assert type(told) is type(error)
    assert told.violations == error.violations
    assert Failing.tried.total() == 1


async def test_a_bug_that_stays_is_told_after_three_times(client: Mesh) -> None:
    Failing.left.extend([LookupError("bug")] * 9)
    told = await error_of(client.send(EchoRequest(), timeout_s=20))

    assert type(told) is InternalFault
    assert "LookupError: bug" in told.message
    assert "worker-" in told.message
    assert Failing.tried.total() == 3
    assert set(Failing.tried) == {"worker-0", "worker-1"}


async def test_a_tool_cannot_end_its_worker(client: Mesh) -> None:
    Failing.left.extend([SystemExit(1), KeyboardInterrupt(), StopIteration()])
    told = await error_of(client.send(EchoRequest()))

    assert type(told) is InternalFault
    assert (await client.send(EchoRequest(text="next"))).text == "next"
    assert len(client.workers()) == 2
