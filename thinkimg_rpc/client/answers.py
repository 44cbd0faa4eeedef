"""Many requests at a time: what became of each, as soon as it is known."""

from __future__ import annotations

import asyncio
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Awaitable,
    Callable,
    Iterable,
)
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from google.protobuf.message import Message

from thinkimg_rpc.errors import ThinkImgError

Response = TypeVar("Response", bound=Message)
Requests = AsyncIterable[Message] | Iterable[Message]


@dataclass(frozen=True)
class Answer(Generic[Response]):
    """What became of one request of `Mesh.stream`."""

    index: int
    """Its place among the requests, from 0."""
    response: Response | None
    error: ThinkImgError | None

    def unwrap(self) -> Response:
        """The response. Raises: the error, when there is one."""
        if self.response is None:
            assert self.error is not None
            raise self.error
        return self.response


async def answers_to(
    requests: Requests, ask: Callable[[Message], Awaitable[Any]], *, in_flight: int
) -> AsyncGenerator[Answer[Any]]:
    """Ask with at most `in_flight` requests at a time; answers come as each is ready.

    Requests are taken while answers are waited for, so that a source may need
    the one to think of the other.
    """
    if in_flight < 1:
        raise ValueError(f"in_flight must be at least 1, got {in_flight}")
    finished: asyncio.Queue[asyncio.Task[Any]] = asyncio.Queue()
    room = asyncio.Semaphore(in_flight)
    asking: set[asyncio.Task[Answer[Any]]] = set()

    async def answer(index: int, request: Message) -> Answer[Any]:
        try:
            return Answer(index, await ask(request), None)
        except ThinkImgError as error:
            return Answer(index, None, error)

    async def take_requests() -> None:
        index = 0
        async with aclosing(_each(requests)) as source:
            await room.acquire()
            async for request in source:
                task = asyncio.create_task(answer(index, request))
                task.add_done_callback(finished.put_nowait)
                asking.add(task)
                index += 1
                await room.acquire()

    taking = asyncio.create_task(take_requests())
    taking.add_done_callback(finished.put_nowait)
    try:
        while asking or not taking.done():
            task = await finished.get()
            if task is taking:
                taking.result()
            else:
                asking.discard(task)
                room.release()
                yield task.result()
        taking.result()  # raises what the source raised
    finally:
        for task in (taking, *asking):
            task.cancel()
        await asyncio.gather(taking, *asking, return_exceptions=True)


async def _each(requests: Requests) -> AsyncGenerator[Message]:
    if isinstance(requests, AsyncIterable):
        async for request in requests:
            yield request
    else:
        for request in requests:
            yield request
