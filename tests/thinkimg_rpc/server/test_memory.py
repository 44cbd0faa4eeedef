"""The memory that a worker says it takes."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from thinkimg_rpc.cli.screen import console
from thinkimg_rpc.cli.tables import worker_table
from thinkimg_rpc.server.memory import device_memory, resident_bytes
from thinkimg_rpc.testing import Echo
from thinkimg_rpc.v1 import DeviceMemory, Worker, WorkerLoad

from ...mesh_fixtures import served, until

GIB = 1 << 30


class FakeCuda:
    """Two devices, of which this process uses the second."""

    def __init__(self, *, initialized: bool = True) -> None:
        self._initialized = initialized

    def is_initialized(self) -> bool:
        return self._initialized

    def device_count(self) -> int:
        assert self._initialized, "asking makes PyTorch initialise CUDA"
        return 2

    def memory_reserved(self, index: int) -> int:
        return (0, 3 * GIB)[index]

    def memory_allocated(self, index: int) -> int:
        return (0, 2 * GIB)[index]

    def get_device_name(self, index: int) -> str:
        return ("Idle GPU", "Busy GPU")[index]


BUSY = DeviceMemory(device="cuda:1", name="Busy GPU", reserved_bytes=3 * GIB, used_bytes=2 * GIB)


def with_torch(monkeypatch: pytest.MonkeyPatch, torch: Any) -> None:
    monkeypatch.setitem(sys.modules, "torch", torch)


def test_this_process_takes_more_than_a_mebibyte() -> None:
    assert resident_bytes() > 1 << 20


def test_devices_that_hold_something_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with_torch(monkeypatch, SimpleNamespace(cuda=FakeCuda()))

    assert device_memory() == [BUSY]


@pytest.mark.parametrize(
    "torch",
    [
        SimpleNamespace(cuda=FakeCuda(initialized=False)),
        # While it is being imported in the thread that sets a tool up.
        SimpleNamespace(),
        None,
    ],
)
def test_where_pytorch_is_not_in_use_it_is_left_alone(
    torch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_torch(monkeypatch, torch)

    assert device_memory() == []


def test_asking_does_not_import_pytorch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "torch", raising=False)

    assert device_memory() == []
    assert "torch" not in sys.modules


async def test_the_registry_hears_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with_torch(monkeypatch, SimpleNamespace(cuda=FakeCuda()))
    async with served([Echo]) as mesh:
        (lease,) = mesh.hub.table.leases.values()
        await until(lambda: lease.worker.load.devices)

    assert list(lease.worker.load.devices) == [BUSY]


def lines_of(*workers: Worker) -> list[str]:
    screen = console()
    screen.width = 200
    with screen.capture() as captured:
        screen.print(worker_table(workers, now=0))
    return captured.get().splitlines()


def test_the_status_shows_it_where_there_is_any() -> None:
    plain = Worker(id="image-0")
    on_gpu = Worker(id="sam-0", load=WorkerLoad(devices=[BUSY]))

    assert "on devices" not in lines_of(plain)[0]
    header, first, second = lines_of(plain, on_gpu)
    assert "on devices" in header
    assert "GPU" not in first
    assert "3072 MiB of cuda:1 Busy GPU" in second


@pytest.mark.gpu
def test_a_tensor_on_a_real_device_is_counted() -> None:
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    before = {memory.device: memory.used_bytes for memory in device_memory()}
    tensor = torch.zeros(1 << 20, dtype=torch.float32, device="cuda:0")
    (memory,) = [memory for memory in device_memory() if memory.device == "cuda:0"]

    assert memory.used_bytes - before.get("cuda:0", 0) == tensor.nbytes
    assert memory.reserved_bytes >= memory.used_bytes
    assert memory.name == torch.cuda.get_device_name(0)
