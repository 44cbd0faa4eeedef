from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from thinkimg_rpc.process import announce_serving, die_with_parent


def run(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env=os.environ | environment,
        check=False,
        timeout=30,
    )


def test_readiness_is_one_json_line_and_then_the_end_of_the_pipe(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read_fd, write_fd = os.pipe()
    monkeypatch.setenv("THINKIMG_READY_FD", str(write_fd))
    announce_serving("127.0.0.1:4711")
    with os.fdopen(read_fd) as pipe:
        assert json.loads(pipe.read()) == {"event": "serving", "address": "127.0.0.1:4711"}


def test_without_a_supervisor_there_is_nobody_to_tell_and_nobody_to_die_with(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("THINKIMG_READY_FD", raising=False)
    monkeypatch.delenv("THINKIMG_PARENT_PID", raising=False)
    announce_serving("127.0.0.1:4711")
    die_with_parent()


def test_a_process_whose_supervisor_is_gone_already_ends_at_once() -> None:
    script = "from thinkimg_rpc.process import *; die_with_parent(); print('lives')"
    gone = run(script, THINKIMG_PARENT_PID="1")
    assert (gone.returncode, gone.stdout) == (1, "")
    assert run(script, THINKIMG_PARENT_PID=str(os.getpid())).stdout == "lives\n"


def test_what_a_child_starts_is_not_taken_for_a_child_of_the_supervisor() -> None:
    script = (
        "import os; from thinkimg_rpc.process import *; die_with_parent(); "
        "print('THINKIMG_PARENT_PID' in os.environ)"
    )
    assert run(script, THINKIMG_PARENT_PID=str(os.getpid())).stdout == "False\n"


def test_a_refusal_to_start_is_a_log_line_and_status_78() -> None:
    script = (
        "from thinkimg_rpc.logs import configure; from thinkimg_rpc.process import *; "
        "configure('ocr-0'); refuse_to_start('100% of the port is taken')"
    )
    refused = run(script)
    assert refused.returncode == 78
    line = json.loads(refused.stderr)
    assert (line["event"], line["message"]) == ("cannot_start", "100% of the port is taken")
