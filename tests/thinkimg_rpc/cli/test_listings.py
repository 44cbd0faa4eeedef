from __future__ import annotations

import json
import re
import signal
import subprocess
import sys

import pytest

from ..running_mesh import THINKIMG, eventually, thinkimg


def test_tools_are_listed_with_version_backend_replicas_health_and_load(mesh: str) -> None:
    listed = thinkimg("tools", "--address", mesh)
    header, *rows = [line.split() for line in listed.stdout.splitlines()]
    assert header == ["tool", "version", "backend", "replicas", "health", "load"]
    assert rows == [
        ["Echo", "1", "python", "1", "serving", "0/2"],
        ["Invert", "1", "numpy", "1", "serving", "0/2"],
        ["Read", "1", "python", "1", "serving", "0/2"],
    ]


def test_the_status_shows_each_worker(mesh: str) -> None:
    shown = thinkimg("status", "--address", mesh)
    title, header, row = shown.stdout.splitlines()
    assert title == f"mesh at {mesh}: 1 worker"
    assert header.split() == [
        *("worker", "address", "state", "load", "calls", "reused", "refused", "faults"),
        *("memory", "up", "tools"),
    ]
    pattern = r"tools-0 +127\.0\.0\.1:\d+ +serving +0/2 .* \d+ MiB +\d+ s +Echo, Invert, Read"
    assert re.match(pattern, row)


def test_watching_goes_on_until_ctrl_c_and_ends_without_an_error(mesh: str) -> None:
    watch = subprocess.Popen(
        [*THINKIMG, "status", "--watch", "--address", mesh],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert watch.stdout is not None
    eventually(watch.stdout.readline, 10.0, "status")
    watch.send_signal(signal.SIGINT)
    _, errors = watch.communicate(timeout=10)
    assert (watch.returncode, errors) == (0, "")


def test_the_schema_of_a_tool_is_a_json_schema_of_its_arguments(mesh: str) -> None:
    printed = thinkimg("schema", "Invert", "--format", "jsonschema", "--address", mesh)
    schema = json.loads(printed.stdout)
    assert schema["type"] == "object"
    assert schema["properties"]["image"]["description"].startswith("The image.")


def test_the_schemas_of_all_tools_are_keyed_by_name(mesh: str) -> None:
    printed = thinkimg("schema", "--format", "jsonschema", "--address", mesh)
    assert sorted(json.loads(printed.stdout)) == ["Echo", "Invert", "Read"]


def test_the_openai_tool_list_is_the_default(mesh: str) -> None:
    listed = json.loads(thinkimg("schema", "--address", mesh).stdout)
    assert [tool["function"]["name"] for tool in listed] == ["Echo", "Invert", "Read"]


def test_the_prompt_text_describes_the_tool(mesh: str) -> None:
    printed = thinkimg("schema", "Invert", "--format", "prompt", "--address", mesh)
    assert "Invert the colours of an image." in printed.stdout


def test_a_reader_that_has_seen_enough_is_no_error(mesh: str) -> None:
    command = " ".join(f"'{word}'" for word in (sys.executable, "-m", "thinkimg_rpc.cli"))
    piped = subprocess.run(
        f"{command} schema --address {mesh} | true",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert piped.stderr == ""


@pytest.mark.parametrize("command", ["tools", "status"])
def test_an_unreachable_mesh_is_told_in_one_line(command: str) -> None:
    listed = thinkimg(command, "--address", "127.0.0.1:1")
    assert listed.returncode == 1
    assert listed.stdout == ""
    assert listed.stderr.startswith(f"thinkimg {command}: no mesh answers at 127.0.0.1:1;")
    assert listed.stderr.count("\n") == 1
