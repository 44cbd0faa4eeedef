from __future__ import annotations

import io
import os
from collections.abc import Callable
from dataclasses import replace
from unittest import mock
from unittest.mock import AsyncMock

import pytest
from rich.console import Console

from thinkimg_rpc.serve.child import Child, ChildSpec, ChildState
from thinkimg_rpc.serve.display import Display
from thinkimg_rpc.v1 import HostedTool, Worker

MakeSpec = Callable[..., ChildSpec]


@pytest.fixture
def output() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def display(output: io.StringIO) -> Display:
    return Display(Console(file=output, width=40))


def child(spec: ChildSpec, state: ChildState, reason: str = "", address: str = "") -> Child:
    made = Child(spec, lambda child: None)
    made.state, made.reason, made.address = state, reason, address
    return made


async def test_the_table_shows_tools_and_troubles_on_one_line_each(
    display: Display, output: io.StringIO, fake: MakeSpec
) -> None:
    hub = child(fake("serve", name="hub"), ChildState.SERVING, address="127.0.0.1:50051")
    image = child(fake("serve", name="image-0"), ChildState.SERVING)
    ocr = child(fake("serve", name="ocr-0"), ChildState.FAILED, "no [serve] extra; pip install it")
    crop = Worker(id="image-0", tools=[HostedTool(name="Crop"), HostedTool(name="Zoom")])
    display.table("mesh serving at 127.0.0.1:50051, 2 tools", [hub, image, ocr], {"image-0": crop})
    assert output.getvalue().splitlines() == [
        "mesh serving at 127.0.0.1:50051, 2 tools",
        "  hub      serving  at 127.0.0.1:50051",
        "  image-0  serving  Crop, Zoom",
        f"  ocr-0    failed   no [serve] extra; pip install it (log: {ocr.spec.log})",
    ]


async def test_changes_are_told_once_the_table_is_out(
    display: Display, output: io.StringIO, fake: MakeSpec
) -> None:
    image = child(fake("serve", name="image-0"), ChildState.RESTARTING, "exited with status 1")
    display.child_changed(image)
    assert output.getvalue() == ""
    display.table("mesh serving", [image], {})
    before = len(output.getvalue())
    image.state, image.address = ChildState.SERVING, "127.0.0.1:4711"
    display.child_changed(image)
    image.state, image.reason = ChildState.RESTARTING, "killed by SIGKILL"
    display.child_changed(image)
    assert output.getvalue()[before:].splitlines() == [
        "image-0 serves at 127.0.0.1:4711",
        f"image-0: killed by SIGKILL; started again (log: {image.spec.log})",
    ]


async def test_a_reader_that_goes_away_ends_the_output_and_nothing_else(fake: MakeSpec) -> None:
    read_fd, write_fd = os.pipe()
    os.close(read_fd)
    with os.fdopen(write_fd, "w") as pipe, mock.patch("sys.stdout", pipe):
        display = Display(Console(file=pipe))
        display.say("nobody reads this")
        display.table("mesh serving", [child(fake("serve"), ChildState.SERVING)], {})


async def test_a_worker_that_crashes_again_and_again_is_told_once(
    display: Display, output: io.StringIO, fake: MakeSpec
) -> None:
    image = child(fake("serve", name="image-0"), ChildState.SERVING)
    display.table("mesh serving", [image], {})
    before = len(output.getvalue())
    for _ in range(3):
        for state in (ChildState.RESTARTING, ChildState.STARTING):
            image.state = state
            display.child_changed(image)
    assert len(output.getvalue()[before:].splitlines()) == 1


async def test_a_build_is_told_as_it_goes_on_and_once_for_all_who_wait_for_it(
    display: Display, output: io.StringIO, fake: MakeSpec
) -> None:
    first, second = (
        child(fake("serve", name=f"dino-{number}"), ChildState.BUILDING, "looking for timm")
        for number in range(2)
    )
    display.table("mesh serving", [first, second], {})
    before = len(output.getvalue())
    for words in ("downloading timm", "installing"):
        for one in (first, second):
            one.reason = words
            display.child_changed(one)
    first.state, first.reason = ChildState.FAILED, "no space left (log: /logs/environment.log)"
    first.spec = replace(first.spec, prepare=AsyncMock())
    display.child_changed(first)
    assert output.getvalue().splitlines()[1] == "  dino-0  building  looking for timm"
    assert output.getvalue()[before:].splitlines() == [
        "downloading timm",
        "installing",
        "dino-0 cannot start: no space left (log: /logs/environment.log)",
    ]


async def test_a_job_that_waits_and_one_that_is_left_are_told(
    display: Display, output: io.StringIO, fake: MakeSpec
) -> None:
    sam = child(fake("serve", name="sam-0"), ChildState.STARTING, "job 12 is submitted")
    display.table("mesh", [sam], {})
    sam.state, sam.reason = ChildState.PENDING, "job 12 waits: Resources"
    display.child_changed(sam)
    sam.state, sam.reason = ChildState.STOPPED, "job 12 may still run"
    display.child_changed(sam)
    assert output.getvalue().splitlines()[2:] == [
        "sam-0: job 12 waits: Resources",
        "sam-0: job 12 may still run",
    ]
