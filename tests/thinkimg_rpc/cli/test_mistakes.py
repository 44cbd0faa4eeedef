"""Each mistake gets one clear line, status 2, and never a traceback."""

from __future__ import annotations

import importlib.util
import signal
import subprocess
from pathlib import Path

import pytest

from ..running_mesh import THINKIMG, eventually, thinkimg


def complaint(*arguments: str, status: int = 2, **environment: str) -> str:
    ran = thinkimg(*arguments, **environment)
    assert ran.returncode == status
    assert ran.stdout == ""
    assert ran.stderr.count("\n") == 1
    return ran.stderr.removesuffix("\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["tols"], 'thinkimg: there is no command "tols"; did you mean tools?'),
        (["--nope"], "thinkimg: No such option: --nope (see thinkimg --help)"),
        (["call"], "thinkimg call: Missing argument 'TOOL'. (see thinkimg call --help)"),
        (["tools", "--nope"], "thinkimg tools: No such option: --nope (see thinkimg tools --help)"),
        (
            ["tools", "--address", "nowhere"],
            'thinkimg tools: Invalid value for --address: "nowhere" is not HOST:PORT, like '
            "127.0.0.1:50051 (see thinkimg tools --help)",
        ),
        (
            ["call", "OCR", "--image", "none.png"],
            "thinkimg call: Invalid value for --image: cannot read none.png: No such file or "
            "directory (see thinkimg call --help)",
        ),
        (
            ["call", "OCR", "--args", "@none.json"],
            "thinkimg call: Invalid value for --args: cannot read none.json: No such file or "
            "directory (see thinkimg call --help)",
        ),
        (
            ["tools", "--tls-cert", "c.pem"],
            "thinkimg tools: Invalid value: give both --tls-cert and --tls-key, or neither "
            "(see thinkimg tools --help)",
        ),
        (
            ["tools", "--tls-ca", "none.pem"],
            "thinkimg tools: [tls] cannot read none.pem: No such file or directory",
        ),
        (
            ["serve", "--config", "none.toml"],
            "thinkimg serve: cannot read none.toml: No such file or directory",
        ),
        (
            ["serve", "--address", "50051"],
            'thinkimg serve: --address: "50051" is not HOST:PORT, like "127.0.0.1:50051"',
        ),
        (
            ["serve", "--replicas", "2"],
            "thinkimg serve: Invalid value: --replicas and --concurrency are for tools that join "
            "a mesh; set them for a [[worker]] in mesh.toml",
        ),
        (
            ["serve", "--only", "imag"],
            'thinkimg serve: --only: there is no [[worker]] "imag"; did you mean "image"?',
        ),
        (
            ["serve", "m:T", "--only", "image"],
            "thinkimg serve: Invalid value: --only chooses among the workers of mesh.toml; name "
            "no tools (see thinkimg serve --help)",
        ),
        (
            ["serve", "crop.py"],
            'thinkimg serve: "crop.py" does not name a tool class; write package.module:Class, '
            'for example "thinkimg_workers.crop:Crop"',
        ),
        (
            ["serve", "m:T", "--address", "no-such-host.invalid:1"],
            "thinkimg serve: cannot tell how this machine is reached from no-such-host.invalid",
        ),
        (
            ["schema", "--format", "yaml"],
            "thinkimg schema: Invalid value for '--format': 'yaml' is not one of 'openai', "
            "'jsonschema', 'prompt'. (see thinkimg schema --help)",
        ),
    ],
)
def test_a_wrong_command_line_is_told_with_the_remedy(arguments: list[str], said: str) -> None:
    assert complaint(*arguments).startswith(said)


def test_serving_without_the_serve_extra_names_the_pip_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "cv2" else found(name)
    )
    assert complaint("serve") == (
        "thinkimg serve: the package cv2 is not installed; install what this command needs "
        "with: pip install 'thinkimg-rpc[serve]'"
    )


def test_a_tool_that_is_not_there_is_told_with_near_names(mesh: str) -> None:
    said = complaint("call", "Inverse", "--address", mesh)
    assert said == 'thinkimg call: no tool named "Inverse": did you mean Invert?'
    assert complaint("schema", "Ecco", "--address", mesh).endswith("did you mean Echo?")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ("{", "thinkimg call: the arguments are not JSON: line 1, column 2"),
        ("[]", "thinkimg call: the arguments must be a JSON object"),
        ('{"txt": "a"}', "thinkimg call: txt: "),
        ('{"text": 5}', "thinkimg call: text: "),
        ('{"delay_s": 100}', "thinkimg call: delay_s: "),
    ],
)
def test_wrong_arguments_are_told_by_field(mesh: str, args: str, said: str) -> None:
    assert complaint("call", "Echo", "--args", args, "--address", mesh).startswith(said)


def test_arguments_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "args").write_bytes(b"\xff\xff")
    assert "is no UTF-8 text" in complaint("call", "Echo", "--args", f"@{tmp_path}/args")


def test_a_file_that_is_no_image_is_told_by_its_field(mesh: str, tmp_path: Path) -> None:
    (tmp_path / "notes.png").write_text("no image at all")
    said = complaint("call", "Invert", "--image", f"{tmp_path}/notes.png", "--address", mesh)
    assert said.startswith("thinkimg call: image")


def test_a_missing_image_is_asked_for(mesh: str) -> None:
    assert complaint("call", "Invert", "--address", mesh).startswith(
        "thinkimg call: image: required"
    )


def test_two_images_of_one_name_are_refused(chart: Path) -> None:
    said = complaint("call", "Invert", "--image", f"a={chart}", "--image", f"a={chart}")
    assert "two images are called a" in said


def test_a_folder_that_cannot_be_written_is_named(mesh: str, chart: Path) -> None:
    save = ("--save", f"{chart}/out")
    said = complaint("call", "Invert", "--image", str(chart), *save, "--address", mesh)
    assert f"--save: cannot write into {chart}/out: Not a directory" in said


def test_a_bug_in_a_tool_is_the_meshs_fault(mesh: str) -> None:
    said = complaint("call", "Echo", "--args", '{"fail": true}', "--address", mesh, status=1)
    assert "RuntimeError: asked to fail" in said


def test_too_little_time_is_told_with_the_option_that_gives_more(mesh: str) -> None:
    arguments = ("--args", '{"delay_s": 5}', "--timeout", "0.3", "--address", mesh)
    said = complaint("call", "Echo", *arguments, status=1)
    assert said == "thinkimg call: no answer within 0.3 s; --timeout gives it longer"


def test_an_interrupted_call_ends_quietly(mesh: str) -> None:
    def in_flight(count: int) -> bool:
        return f"{count}/2" in thinkimg("tools", "--address", mesh).stdout

    # The call that the test above gave up is still told as load for a heartbeat.
    eventually(lambda: in_flight(0), 15.0, "an idle worker")
    call = subprocess.Popen(
        [*THINKIMG, "call", "Echo", "--args", '{"delay_s": 30}', "--address", mesh],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    eventually(lambda: in_flight(1), 15.0, "call in flight")
    call.send_signal(signal.SIGINT)
    output, errors = call.communicate(timeout=10)
    assert call.returncode in (130, -signal.SIGINT)
    assert (output, errors) == ("", "")
