"""A channel that goes on elsewhere: at another address, or with other certificates."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio

if TYPE_CHECKING:
    AnyCall = grpc.aio.Call

Open = Callable[[str], grpc.aio.Channel]


@dataclass(eq=False)
class _Link:
    """A real channel, and what is in flight over it."""

    channel: grpc.aio.Channel
    in_flight: int = 0
    methods: dict[_Method, Any] = field(default_factory=dict)
    retired: bool = False


@dataclass(frozen=True, eq=False)
class _Method:
    """One method, as a stub asks for it once, whatever channel its calls go over."""

    kind: str
    """"unary_unary" and the like."""
    name: str
    coders: tuple[Any, ...]
    named: dict[str, Any]

    def of(self, link: _Link) -> Any:
        if self not in link.methods:
            make = getattr(link.channel, self.kind)
            link.methods[self] = make(self.name, *self.coders, **self.named)
        return link.methods[self]


class SwitchedChannel(grpc.aio.Channel):
    """Stands for real channels to several addresses that serve the same, one of them in use.

    A call that finds its server unavailable fails, as it would otherwise, and the
    next goes to the next address. A change of certificates opens new channels;
    calls in flight go on over the old ones.

    Args:
        open_at: opens a real channel to an address.
        addresses: in the order in which they are tried.
        stale: says, once each time, that real channels must be opened anew.
    """

    def __init__(
        self, open_at: Open, addresses: Sequence[str], stale: Callable[[], bool] = lambda: False
    ) -> None:
        self._open_at = open_at
        self._addresses = addresses
        self._stale = stale
        self._place = 0
        self._links: dict[str, _Link] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        # Wrong files and addresses are told at once, not at the first call.
        self._link()

    def unary_unary(self, method: str, *coders: Any, **named: Any) -> Any:
        return partial(self._call, _Method("unary_unary", method, coders, named))

    def unary_stream(self, method: str, *coders: Any, **named: Any) -> Any:
        return partial(self._call, _Method("unary_stream", method, coders, named))

    def stream_unary(self, method: str, *coders: Any, **named: Any) -> Any:
        return partial(self._call, _Method("stream_unary", method, coders, named))

    def stream_stream(self, method: str, *coders: Any, **named: Any) -> Any:
        return partial(self._call, _Method("stream_stream", method, coders, named))

    async def close(self, grace: float | None = None) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*(link.channel.close(grace) for link in self._links.values()))

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        return self._link().channel.get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        await self._link().channel.wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        await self._link().channel.channel_ready()

    async def __aenter__(self) -> SwitchedChannel:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _call(self, method: _Method, *args: Any, **options: Any) -> Any:
        """Begin a call over the channel in use."""
        link = self._link()
        call = method.of(link)(*args, **options)
        link.in_flight += 1
        call.add_done_callback(partial(self._ended, link))
        return call

    def _link(self) -> _Link:
        if self._stale():
            for link in self._links.values():
                link.retired = True
                self._close_if_idle(link)
            self._links.clear()
        address = self._addresses[self._place]
        if address not in self._links:
            self._links[address] = _Link(self._open_at(address))
        return self._links[address]

    def _ended(self, link: _Link, call: AnyCall) -> None:
        link.in_flight -= 1
        self._close_if_idle(link)
        if len(self._addresses) > 1:
            self._start(self._move_on_if_unavailable(link, call))

    async def _move_on_if_unavailable(self, link: _Link, call: AnyCall) -> None:
        in_use = self._links.get(self._addresses[self._place])
        if link is in_use and await call.code() is grpc.StatusCode.UNAVAILABLE:
            self._place = (self._place + 1) % len(self._addresses)

    def _close_if_idle(self, link: _Link) -> None:
        if link.retired and not link.in_flight:
            self._start(link.channel.close(None))

    def _start(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
