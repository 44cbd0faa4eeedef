"""Asking every tool at every worker of a mesh."""

from __future__ import annotations

import asyncio
import enum
import itertools
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from google.protobuf.message import Message

from thinkimg_rpc.check.form import form_problems, image_problems
from thinkimg_rpc.check.picture import Picture, fresh_picture
from thinkimg_rpc.check.questions import QUESTIONS
from thinkimg_rpc.client.mesh import Mesh
from thinkimg_rpc.contract import ToolContract
from thinkimg_rpc.errors import CallerError, DeadlineExceeded, ThinkImgError
from thinkimg_rpc.v1 import HostedTool, Worker, WorkerState

JUDGED = frozenset({"opencv", "rapidocr"})
"""Words in the titles of backends whose answers to the picture are known. A model answers as
its weights were trained to: what it misses is told, and is no failure of the mesh."""

_MOST_PROBLEMS = 3
_OF_ANOTHER_MACHINE = re.compile(r"-[0-9a-f]{4}(?=-\d+$)")


class Verdict(enum.Enum):
    """What came of asking one tool at one worker."""

    OK = "ok"
    FORM = "form ok"
    """Well-formed, but not what was expected, of a backend that may have its own opinion."""
    NOT_CHECKED = "not checked"
    """No question fits the tool."""
    WRONG = "wrong"
    FAILED = "failed"
    """There was no answer."""

    @property
    def passes(self) -> bool:
        return self not in (Verdict.WRONG, Verdict.FAILED)


@dataclass(frozen=True)
class Finding:
    """One row of the result: a tool at a worker, or a worker as such (`tool` is "")."""

    worker: str
    tool: str
    backend: str
    verdict: Verdict
    detail: str = ""
    seconds: float | None = None


async def check_mesh(mesh: Mesh, *, timeout_s: float) -> list[Finding]:
    """Ask all tools at all workers; `timeout_s` is the time that each answer may take.

    Workers are asked at the same time, the tools of one after each other.
    """
    workers = mesh.workers()
    found = await asyncio.gather(*(_check_worker(mesh, worker, timeout_s) for worker in workers))
    return list(itertools.chain.from_iterable(found))


def absent(expected: Iterable[str], workers: Iterable[Worker]) -> list[Finding]:
    """A finding for each worker that should be there, by its id, and is not.

    "image-4f1a-0", of another machine, stands for "image-0" as well.
    """
    ids = [worker.id for worker in workers]
    there = {*ids, *(_OF_ANOTHER_MACHINE.sub("", id) for id in ids)}
    detail = "is not in the mesh; its log says why"
    return [Finding(id, "", "", Verdict.FAILED, detail) for id in expected if id not in there]


async def _check_worker(mesh: Mesh, worker: Worker, timeout_s: float) -> list[Finding]:
    findings = []
    if worker.state != WorkerState.WORKER_STATE_SERVING:
        state = WorkerState.Name(worker.state).rpartition("_")[2].lower()
        findings.append(Finding(worker.id, "", "", Verdict.FAILED, f"is {state}, not serving"))
    if worker.state == WorkerState.WORKER_STATE_DRAINING:
        return findings
    picture = await asyncio.to_thread(fresh_picture)
    for tool in worker.tools:
        findings.append(await _check_tool(mesh, worker, tool, picture, timeout_s))
    return findings


async def _check_tool(
    mesh: Mesh, worker: Worker, tool: HostedTool, picture: Picture, timeout_s: float
) -> Finding:
    unchecked = Finding(worker.id, tool.name, tool.backend, Verdict.NOT_CHECKED)
    try:
        contract = await mesh.contract(tool.name)
        arguments = _arguments(contract, picture)
        if arguments is None:
            return replace(unchecked, detail="its contract has no example to ask it with")
        images = {"img_1": picture.data}
        begin = time.perf_counter()
        answer = await mesh.call_at(worker.id, tool.name, arguments, images, timeout_s=timeout_s)
        seconds = time.perf_counter() - begin
    except ThinkImgError as error:
        return _without_answer(unchecked, tool, error, timeout_s)
    backend = _backend_of(answer) or tool.backend
    verdict, detail = await asyncio.to_thread(_judge, contract, answer, picture, backend)
    return replace(unchecked, backend=backend, verdict=verdict, detail=detail, seconds=seconds)


def _arguments(contract: ToolContract, picture: Picture) -> dict[str, Any] | None:
    """What to call a tool with: our own question, else the tool's first worked example."""
    if contract.service in QUESTIONS:
        return QUESTIONS[contract.service].arguments(picture)
    return contract.examples[0].arguments if contract.examples else None


def _without_answer(
    unchecked: Finding, tool: HostedTool, error: ThinkImgError, timeout_s: float
) -> Finding:
    if isinstance(error, CallerError) and _service(tool) not in QUESTIONS:
        detail = f"its example does not fit the picture: {error.message}"
        return replace(unchecked, detail=detail)
    late = isinstance(error, DeadlineExceeded)
    detail = f"no answer within {timeout_s:g} s" if late else error.message
    return replace(unchecked, verdict=Verdict.FAILED, detail=detail)


def _judge(
    contract: ToolContract, answer: Message, picture: Picture, backend: str
) -> tuple[Verdict, str]:
    height, width = picture.pixels.shape[:2]
    question = QUESTIONS.get(contract.service)
    try:
        if question is None:
            # Another's boxes may be of another image than the one it was given.
            return _verdict(Verdict.WRONG, image_problems(answer))
        if wrong := list(form_problems(answer, width, height)):
            return _verdict(Verdict.WRONG, wrong)
        judged = not JUDGED.isdisjoint(re.findall(r"\w+", backend.lower()))
        otherwise = Verdict.WRONG if judged else Verdict.FORM
        return _verdict(otherwise, question.problems(answer, picture))
    except ValueError as error:
        # A picture or a mask that had to be there is not.
        return Verdict.WRONG, str(error)


def _verdict(otherwise: Verdict, problems: Iterable[str]) -> tuple[Verdict, str]:
    told = "; ".join(itertools.islice(problems, _MOST_PROBLEMS))
    return (otherwise, told) if told else (Verdict.OK, "")


def _service(tool: HostedTool) -> str:
    return tool.method.strip("/").rpartition("/")[0]


def _backend_of(answer: Message) -> str:
    """What the answer itself says computed it."""
    return str(getattr(getattr(answer, "answered_by", None), "backend", ""))
