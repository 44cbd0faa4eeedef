"""A supervisor of fake children as a process of its own: fake_mesh.py LOG_DIR BEHAVIOUR…

Prints the children's pids as JSON once they serve.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from rich.console import Console

from thinkimg_rpc.serve.child import ChildSpec
from thinkimg_rpc.serve.display import Display
from thinkimg_rpc.serve.session import supervise
from thinkimg_rpc.serve.supervisor import Supervisor

FAKE_CHILD = Path(__file__).with_name("fake_child.py")


async def _body(supervisor: Supervisor) -> int:
    log_dir, *behaviours = sys.argv[1:]
    supervisor.start_workers(
        ChildSpec(
            f"fake-{number}",
            (sys.executable, str(FAKE_CHILD), behaviour),
            dict(os.environ),
            Path(log_dir) / f"fake-{number}.log",
        )
        for number, behaviour in enumerate(behaviours)
    )
    await supervisor.wait_settled(20.0)
    print(json.dumps([child.pid for child in supervisor.children]), flush=True)
    await asyncio.Event().wait()
    return 0


if __name__ == "__main__":
    display = Display(Console(stderr=True))
    sys.exit(asyncio.run(supervise(_body, display, drain_s=0.2)))
