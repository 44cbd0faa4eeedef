"""The hub process, as the supervisor starts it."""

from __future__ import annotations

from thinkimg_rpc.event_loop import run
from thinkimg_rpc.hub.hub import Hub
from thinkimg_rpc.logs import configure
from thinkimg_rpc.process import (
    announce_serving,
    die_with_parent,
    refuse_to_start,
    stop_signal,
)
from thinkimg_rpc.settings import CannotStart, HubSettings, from_environment


def main() -> None:
    die_with_parent()
    configure("hub")
    try:
        run(_serve(from_environment(HubSettings)))
    except CannotStart as error:
        refuse_to_start(str(error))


async def _serve(settings: HubSettings) -> None:
    stop = stop_signal()
    hub = Hub(settings)
    await hub.start()
    announce_serving(hub.address)
    await stop.wait()
    await hub.drain()


if __name__ == "__main__":
    main()
