"""The lease table: which workers there are, and who is told."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from hypothesis import given, settings
from hypothesis import strategies as st

from thinkimg_rpc.errors import Conflict, InvalidRequest
from thinkimg_rpc.hub import leases
from thinkimg_rpc.hub.leases import LeaseTable, Watcher
from thinkimg_rpc.v1 import HostedTool, WatchWorkersResponse, Worker, WorkerLoad, WorkerState

from ..server.arbitrary import damaged
from .offers import ECHO, ECHO_FILES, offer


@pytest.fixture
def table() -> LeaseTable:
    return LeaseTable()


async def next_changes(table: LeaseTable, watcher: Watcher) -> WatchWorkersResponse:
    changes = await asyncio.wait_for(watcher.changes(table), 5)
    assert changes is not None
    return changes


def test_a_worker_is_listed_with_what_it_offered(table: LeaseTable) -> None:
    table.add(offer(hostname="here", concurrency=3))

    (worker,) = table.listed()
    assert (worker.id, worker.address, worker.hostname) == ("echo-0", "127.0.0.1:9", "here")
    assert (worker.pid, worker.concurrency) == (7, 3)
    assert worker.state == WorkerState.WORKER_STATE_SERVING
    assert worker.HasField("registered_at")
    assert table.tool_names() == {"Echo"}


@pytest.mark.parametrize(("tool", "found"), [("Echo", 1), ("say", 1), ("", 1), ("echo", 0)])
def test_workers_are_found_by_the_name_or_alias_of_a_tool(
    table: LeaseTable, tool: str, found: int
) -> None:
    table.add(offer())

    assert len(table.listed(tool)) == found


def broken_descriptors() -> bytes:
    file = FileDescriptorProto(name="a.proto", dependency=["missing.proto"])
    return FileDescriptorSet(file=[file]).SerializeToString()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"worker_id": ""}, "offer.id"),
        ({"address": ""}, "offer.address"),
        ({"tools": []}, "offer.tools"),
        ({"descriptors": b"\xff\xff"}, "offer.descriptors"),
        ({"descriptors": broken_descriptors()}, "offer.descriptors"),
        (
            {"descriptors": ECHO_FILES.replace(b"echo.proto", b"echo\xff\xff\xffoto")},
            "offer.descriptors",
        ),
    ],
)
def test_an_incomplete_offer_is_refused_by_its_field(
    table: LeaseTable, changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        table.add(offer(**changes))

    assert [violation.field for violation in caught.value.violations] == [field]
    assert table.listed() == []


def test_a_name_taken_by_another_contract_is_refused(table: LeaseTable) -> None:
    table.add(offer())
    other = HostedTool(name="Echo", method="/other.v1.EchoService/Echo")

    with pytest.raises(Conflict, match=ECHO.method):
        table.add(offer("other-0", tools=[other]))
    assert [worker.id for worker in table.listed()] == ["echo-0"]


def test_a_worker_that_comes_again_replaces_itself(table: LeaseTable) -> None:
    first = table.add(offer())
    second = table.add(offer(address="127.0.0.1:10"))
    table.remove(first)  # its stream ends only now

    assert first.replaced.is_set()
    assert not second.replaced.is_set()
    assert [worker.address for worker in table.listed()] == ["127.0.0.1:10"]


def test_a_service_whose_workers_left_is_still_known(table: LeaseTable) -> None:
    lease = table.add(offer())
    table.remove(lease)
    table.remove(lease)

    assert table.by_service == {ECHO.service: {}}
    assert table.listed() == []


def test_a_silent_worker_is_stalled_until_it_is_heard_again(
    table: LeaseTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = table.add(offer())
    table.mark_stalled()
    assert lease.worker.state == WorkerState.WORKER_STATE_SERVING

    lease.heard -= leases.STALL_S + 1
    table.mark_stalled()
    assert lease.worker.state == WorkerState.WORKER_STATE_STALLED
    assert len(table.listed()) == 1

    table.heard(lease, WorkerLoad(in_flight=1))
    assert lease.worker.state == WorkerState.WORKER_STATE_SERVING


def test_a_draining_worker_does_not_become_a_stalled_one(table: LeaseTable) -> None:
    lease = table.add(offer())
    table.heard(lease, WorkerLoad(draining=True))
    lease.heard -= leases.STALL_S + 1
    table.mark_stalled()

    assert lease.worker.state == WorkerState.WORKER_STATE_DRAINING


async def test_watchers_are_told_at_once_who_came_and_who_left(table: LeaseTable) -> None:
    watcher = table.watch()
    table.add(offer("a-0"))
    lease = table.add(offer("b-0"))
    table.remove(lease)

    changes = await next_changes(table, watcher)
    assert [worker.id for worker in changes.changed] == ["a-0"]
    assert list(changes.gone) == ["b-0"]
    assert not changes.snapshot


async def test_watchers_are_told_at_once_of_a_drain_and_later_of_loads(
    table: LeaseTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = table.add(offer())
    watcher = table.watch()
    table.heard(lease, WorkerLoad(in_flight=2))
    waiting = asyncio.create_task(next_changes(table, watcher))
    await asyncio.sleep(0)
    assert not waiting.done()

    table.heard(lease, WorkerLoad(in_flight=3, draining=True))
    (worker,) = (await waiting).changed
    assert worker.state == WorkerState.WORKER_STATE_DRAINING

    monkeypatch.setattr(leases, "LOAD_EVERY_S", 0.01)
    table.heard(lease, WorkerLoad(in_flight=5, draining=True))
    (worker,) = (await next_changes(table, watcher)).changed
    assert worker.load.in_flight == 5


async def test_a_load_that_did_not_change_is_no_news(
    table: LeaseTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "LOAD_EVERY_S", 0.01)
    lease = table.add(offer())
    watcher = table.watch()
    table.heard(lease, WorkerLoad())
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(watcher.changes(table), 0.05)


async def test_closing_ends_leases_and_watches(table: LeaseTable) -> None:
    lease = table.add(offer())
    watcher = table.watch()
    waiting = asyncio.create_task(watcher.changes(table))
    table.close()

    await asyncio.wait_for(waiting, 5)
    assert await asyncio.wait_for(watcher.changes(table), 5) is None
    assert lease.replaced.is_set()


async def test_who_no_longer_watches_is_told_nothing(table: LeaseTable) -> None:
    watcher = table.watch()
    table.unwatch(watcher)
    table.add(offer())

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(watcher.changes(table), 0.05)


def test_replicas_share_one_copy_of_their_contract(table: LeaseTable) -> None:
    one, other = table.add(offer("echo-0")), table.add(offer("echo-1"))

    assert one.files is other.files
    assert one.files.SerializeToString() == ECHO_FILES


@given(descriptors=st.one_of(st.binary(max_size=60), damaged(ECHO_FILES)))
@settings(deadline=None)
def test_any_descriptors_are_taken_or_refused(descriptors: bytes) -> None:
    table = LeaseTable()
    with suppress(InvalidRequest):
        table.add(offer(descriptors=descriptors))


def elsewhere(table: LeaseTable, **changes: Any) -> Worker:
    """A worker as another registry has written it."""
    other = LeaseTable()
    lease = other.add(offer(**changes))
    table.adopt(lease.worker, ECHO_FILES)
    return lease.worker


async def test_a_worker_of_another_registry_is_listed_and_told_of(table: LeaseTable) -> None:
    watcher = table.watch()
    worker = elsewhere(table)

    assert [w.id for w in table.listed("Echo")] == ["echo-0"]
    assert [w.id for w in (await next_changes(table, watcher)).changed] == ["echo-0"]
    worker.state = WorkerState.WORKER_STATE_DRAINING
    table.adopt(worker, ECHO_FILES)
    (changed,) = (await next_changes(table, watcher)).changed
    assert changed.state == WorkerState.WORKER_STATE_DRAINING
    table.withdraw("echo-0")
    assert (await next_changes(table, watcher)).gone == ["echo-0"]


def test_a_worker_that_comes_over_is_ours_and_cannot_be_withdrawn(table: LeaseTable) -> None:
    elsewhere(table)
    table.add(offer())
    table.withdraw("echo-0")

    assert not table.leases["echo-0"].elsewhere


def test_a_worker_that_goes_over_has_its_stream_here_ended(table: LeaseTable) -> None:
    ours = table.add(offer())
    elsewhere(table, address="127.0.0.1:10")
    table.remove(ours)

    assert ours.replaced.is_set()
    assert [worker.address for worker in table.listed()] == ["127.0.0.1:10"]


def test_silence_of_a_worker_elsewhere_is_for_the_other_registry_to_judge(
    table: LeaseTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere(table)
    monkeypatch.setattr(leases, "STALL_S", -1.0)
    table.mark_stalled()

    assert table.listed()[0].state == WorkerState.WORKER_STATE_SERVING


def test_a_worker_elsewhere_cannot_take_the_name_of_a_tool_here(table: LeaseTable) -> None:
    table.add(offer())
    other = HostedTool(name="Echo", method="/other.v1.EchoService/Echo")
    stranger = Worker(id="other-0", address="127.0.0.1:11", tools=[other])

    with pytest.raises(Conflict, match=ECHO.method):
        table.adopt(stranger, ECHO_FILES)
