"""Workers that should serve and do not, as those who start them tell."""

from __future__ import annotations

from collections.abc import Collection

from thinkimg_rpc.v1 import AbsentWorker


class Absences:
    """What each supervisor has last told, for as long as it is connected."""

    def __init__(self) -> None:
        self._reports: dict[object, tuple[AbsentWorker, ...]] = {}

    def tell(self, supervisor: object, workers: Collection[AbsentWorker]) -> None:
        """Take a supervisor's whole list, instead of the one before."""
        self._reports[supervisor] = tuple(workers)

    def forget(self, supervisor: object) -> None:
        """A supervisor has gone: nobody starts its workers any more."""
        self._reports.pop(supervisor, None)

    def listed(self, present: Collection[str]) -> list[AbsentWorker]:
        """All of them by id, but for those that are `present` by now."""
        told = (worker for report in self._reports.values() for worker in report)
        return sorted((w for w in told if w.id not in present), key=lambda worker: worker.id)
