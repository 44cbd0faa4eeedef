"""What a supervisor tells the registry of its workers that do not serve, and why."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import grpc.aio

from thinkimg_rpc.channel import call_metadata
from thinkimg_rpc.serve.child import Child, ChildState
from thinkimg_rpc.serve.supervisor import Supervisor
from thinkimg_rpc.v1 import (
    AbsenceState,
    AbsentWorker,
    RegistryServiceStub,
    ReportAbsentRequest,
)

_RETRY_S = 0.2
_STATES = {
    ChildState.BUILDING: AbsenceState.ABSENCE_STATE_BUILDING,
    ChildState.PENDING: AbsenceState.ABSENCE_STATE_PENDING,
    ChildState.STARTING: AbsenceState.ABSENCE_STATE_STARTING,
    ChildState.RESTARTING: AbsenceState.ABSENCE_STATE_RESTARTING,
    ChildState.FAILED: AbsenceState.ABSENCE_STATE_FAILED,
}


class AbsenceReport:
    """Keeps the registry told; `follow` does it through the registry's restarts."""

    def __init__(self, channel: grpc.aio.Channel, token: str, supervisor: Supervisor) -> None:
        self._stub = RegistryServiceStub(channel)
        self._metadata = call_metadata(token)
        self._supervisor = supervisor

    async def follow(self) -> None:
        """Report until cancelled, or until the registry turns out to take no reports."""
        while True:
            try:
                await self._stub.ReportAbsent(self._reports(), metadata=self._metadata)
            except grpc.aio.AioRpcError as error:
                if error.code() is grpc.StatusCode.UNIMPLEMENTED:
                    return
            await asyncio.sleep(_RETRY_S)

    async def _reports(self) -> AsyncIterator[ReportAbsentRequest]:
        told: ReportAbsentRequest | None = None
        while True:
            changed = self._supervisor.changed
            workers = self._supervisor.workers
            report = ReportAbsentRequest(
                workers=[_absent(c) for c in workers if c.state in _STATES]
            )
            if report != told:
                told = report
                yield report
            await changed.wait()


def _absent(child: Child) -> AbsentWorker:
    return AbsentWorker(id=child.spec.name, state=_STATES[child.state], reason=child.reason)
