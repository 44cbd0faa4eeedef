"""Several processes that share one run, as `accelerate launch` starts them.

They share the questions by their numbers, and the folder. torch.distributed is
asked only to wait for each other, and to hand a few words around.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

_LONGEST_RUN = timedelta(days=30)


class Rank:
    """This process among those that share the run; here the only one."""

    number = 0
    count = 1

    @property
    def first(self) -> bool:
        """Whether this is the one that speaks, and that puts all together."""
        return self.number == 0

    async def wait_for_all(self) -> None:
        """Return when every process has come here."""

    async def told_by_first(self, value: Any) -> Any:
        """What the first process gives here."""
        return value


class _OneOfSeveral(Rank):
    def __init__(self, number: int, count: int) -> None:
        self.number = number
        self.count = count

    async def wait_for_all(self) -> None:
        from torch import distributed

        # In a thread: tools and policies of this process go on meanwhile.
        await asyncio.to_thread(distributed.barrier)

    async def told_by_first(self, value: Any) -> Any:
        from torch import distributed

        box = [value]
        await asyncio.to_thread(distributed.broadcast_object_list, box, 0)
        return box[0]


@asynccontextmanager
async def rank_of_environment() -> AsyncIterator[Rank]:
    """The rank that $RANK and $WORLD_SIZE give; a single process needs no PyTorch."""
    number, count = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield Rank()
        return
    from torch import distributed

    take_one_gpu(int(os.environ.get("LOCAL_RANK", "0")))
    # gloo also where there are GPUs: what is exchanged are a few words.
    distributed.init_process_group("gloo", timeout=_LONGEST_RUN)
    try:
        yield _OneOfSeveral(number, count)
    finally:
        distributed.destroy_process_group()


def take_one_gpu(local_rank: int) -> None:
    """Each process its own; it must be said before PyTorch has touched any."""
    import torch

    there = torch.cuda.device_count()
    if there > 1:
        named = os.environ.get("CUDA_VISIBLE_DEVICES", "")
        devices = named.split(",") if named else [str(number) for number in range(there)]
        os.environ["CUDA_VISIBLE_DEVICES"] = devices[local_rank % len(devices)]
