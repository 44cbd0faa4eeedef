"""What callers save who ask the same, or at the same time."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from typing import Any

from bench.chart import draw_chart
from bench.measure import Effort, Subject, Timing, compare, ratio_of_rates
from bench.processes import serve_mesh
from bench.report import Goal, Section, ms, times
from bench.synthetic_model import CALL_S, PASS_S
from thinkimg_rpc.client import Mesh
from thinkimg_rpc.imaging.codec import encode_png
from thinkimg_rpc.serve.config import WorkerSection
from thinkimg_rpc.testing.v1 import EchoRequest
from thinkimg_rpc.v1 import OCRRequest

CALLERS = 8
ROUNDS = 5
PASSES = Effort(5, 0.5)
BATCHED, SINGLE = f"passes of up to {CALLERS} calls", "a pass for each call"
_OCR = WorkerSection(name="ocr", tools=("thinkimg_workers.ocr:OCR",), concurrency=2)


async def measure_reuse(effort: Effort = PASSES) -> list[Section]:
    """Equal calls of OCR, at once and again; and calls that share a model's passes."""
    return [await _measure_equal_calls(), await _measure_passes(effort)]


async def _measure_equal_calls() -> Section:
    one_s: list[float] = []
    at_once_s: list[float] = []
    again_s: list[float] = []
    different_s: list[float] = []
    async with serve_mesh(_OCR) as served, Mesh(served.address) as mesh:
        charts = (_chart(mesh, number) for number in count())
        await mesh.ocr(next(charts))
        for _ in range(ROUNDS):
            one = next(charts)
            one_s.append(await _seconds(mesh.ocr(one)))
            again_s.append(await _seconds(mesh.ocr(one)))
            same = next(charts)
            at_once_s.append(await _seconds(*(mesh.ocr(same) for _ in range(CALLERS))))
        others = [next(charts) for _ in range(CALLERS)]
        different_s.append(await _seconds(*map(mesh.ocr, others)))
    section = Section("Equal calls: OCR of a chart not read before", ("", "ms", "/ one call"))
    for name, seconds in (
        ("one call", one_s),
        (f"{CALLERS} callers at once, the same chart", at_once_s),
        (f"{CALLERS} callers at once, {CALLERS} charts", different_s),
        ("the same call again", again_s),
    ):
        ratio = statistics.median(seconds) / statistics.median(one_s)
        section.rows.append((name, ms(statistics.median(seconds)), times(ratio)))
    at_once = statistics.median(a / b for a, b in zip(at_once_s, one_s, strict=True))
    again = statistics.median(a / b for a, b in zip(again_s, one_s, strict=True))
    section.goals += [
        Goal(f"{CALLERS} equal calls at once: under 1.5× one call", times(at_once), at_once < 1.5),
        Goal("the same call again: under 5% of the first", f"{again:.1%}", again < 0.05),
    ]
    section.notes.append(
        f"Until the last answer; medians of {ROUNDS} rounds, in which the subjects take turns."
    )
    return section


async def _measure_passes(effort: Effort) -> Section:
    async with _models() as subjects:
        together = await compare(subjects, CALLERS, effort)
        alone = await compare(subjects, 1, effort)
    title = f"Batches: a model of {PASS_S * 1e3:g} ms a pass and {CALL_S * 1e3:g} ms a call"
    section = Section(title, (f"{CALLERS} in flight:", "calls/s", "p50 ms", "alone: p50 ms"))
    for name in subjects:
        section.rows.append(_row(name, together[name], alone[name]))
    gain = ratio_of_rates(together, BATCHED, SINGLE)
    best = CALLERS * (PASS_S + CALL_S) / (PASS_S + CALL_S * CALLERS)
    delay = ratio_of_rates(alone, SINGLE, BATCHED)
    section.goals += [
        Goal(
            f"{CALLERS} callers get 80% of what batching can give ({times(best)})",
            times(gain),
            gain >= 0.8 * best,
        ),
        Goal("a caller alone loses under 15% by it", f"{delay - 1:.0%}", delay < 1.15),
    ]
    section.notes.append("The model sleeps: what is seen is the worker's gathering of calls.")
    return section


@asynccontextmanager
async def _models() -> AsyncIterator[dict[str, Subject]]:
    async with AsyncExitStack() as stack:
        subjects = {}
        for name, most in ((BATCHED, CALLERS), (SINGLE, 1)):
            worker = WorkerSection(
                name="model", tools=("bench.synthetic_model:SyntheticModel",), max_batch=most
            )
            served = await stack.enter_async_context(serve_mesh(worker))
            mesh = await stack.enter_async_context(Mesh(served.address))
            subjects[name] = Subject(_caller(mesh), tuple(served.worker_pids.values()))
        yield subjects


def _caller(mesh: Mesh) -> Callable[[int], Coroutine[Any, Any, Any]]:
    return lambda number: mesh.send(EchoRequest(text=str(number)))


def _row(name: str, together: Timing, alone: Timing) -> tuple[str, ...]:
    return (
        name,
        f"{together.rate:.0f}",
        ms(together.quantile_s(0.5)),
        ms(alone.quantile_s(0.5)),
    )


def _chart(mesh: Mesh, number: int) -> OCRRequest:
    """A chart like the others, and equal to none of them."""
    pixels = draw_chart()
    pixels[0, number % pixels.shape[1]] = number // pixels.shape[1]
    return OCRRequest(image=mesh.image(encode_png(pixels)))


async def _seconds(*calls: Coroutine[Any, Any, Any]) -> float:
    """Until all are answered."""
    begin = time.perf_counter()
    await asyncio.gather(*calls)
    return time.perf_counter() - begin
