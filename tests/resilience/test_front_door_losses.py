"""Calls through the front door outlive one of two workers as well."""

from __future__ import annotations

import os
import signal

import grpc
import grpc.aio
import pytest

from thinkimg_rpc.channel import open_channel
from thinkimg_rpc.settings import MIB
from thinkimg_rpc.status import from_rpc_error
from thinkimg_rpc.testing.v1 import EchoRequest, EchoResponse, EchoServiceStub

from .figures import Figures
from .load import run_calls
from .registry_log import RegistryLog
from .served_mesh import REPLICAS, ServedMesh

CALLS = 500
IN_FLIGHT = 16
DEADLINE_S = 10.0


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM])
async def test_calls_through_the_front_door_outlive_a_worker(
    served: ServedMesh, log: RegistryLog, figures: Figures, number: signal.Signals
) -> None:
    channel = open_channel(served.address, max_message_bytes=MIB)
    echo = EchoServiceStub(channel)
    pid = log.present[REPLICAS[0]].pid

    async def send(index: int) -> EchoResponse:
        request = EchoRequest(text=str(index), delay_s=0.005)
        try:
            return await echo.Echo(request, timeout=DEADLINE_S)
        except grpc.aio.AioRpcError as failure:
            raise from_rpc_error(failure) from failure

    outcome = await run_calls(send, CALLS, IN_FLIGHT, lambda: os.kill(pid, number))
    await channel.close(None)
    scenario = f"{number.name} to one of two replicas, {CALLS} calls through the front door"
    figures.count(scenario, "failed calls", len(outcome.failures), 0)
    assert outcome.mixed_up == 0
    figures.seconds(scenario, "slowest call", outcome.slowest_s)
