"""A worker that is a job ends by itself when its mesh is gone for good."""

from __future__ import annotations

import os
import subprocess
import sys

import msgspec

from thinkimg_rpc.settings import SETTINGS_VARIABLE, WorkerSettings


def test_it_ends_with_the_reason_when_no_registry_answers_for_long() -> None:
    settings = WorkerSettings(
        id="echo-0",
        tools=("thinkimg_rpc.testing.echo:Echo",),
        registry="127.0.0.1:9",
        address=":0",
        abandoned_after_s=1.0,
    )
    ended = subprocess.run(
        [sys.executable, "-m", "thinkimg_rpc.server"],
        env=os.environ | {SETTINGS_VARIABLE: msgspec.json.encode(settings).decode()},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert ended.returncode == 1
    last = ended.stderr.strip().splitlines()[-1]
    assert last.startswith("no registry at 127.0.0.1:9 for 1 s; [mesh] address must be one that")
