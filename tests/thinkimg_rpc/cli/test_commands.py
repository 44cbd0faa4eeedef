from __future__ import annotations

import subprocess
import sys
import time
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from thinkimg_rpc.cli import commands, main
from thinkimg_rpc.cli.commands import GROUP, MissingPackage, Subcommand

from ..running_mesh import thinkimg, thinkimg_process

OURS = ["serve", "tools", "call", "request", "schema", "status", "protoc"]


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed package that brings the commands `greet` and `foresee`."""
    (tmp_path / "my_plugin.py").write_text(
        "def greet(name: str) -> None:\n    '''Greet somebody.'''\n    print(f'hello {name}')\n\n"
        "def late() -> None:\n    import torch_of_tomorrow\n"
    )
    (tmp_path / "my_trainer.py").write_text("import torch_of_tomorrow\n")
    info = tmp_path / "my_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        f"[{GROUP}]\ngreet = my_plugin:greet\nforesee = my_trainer:foresee [foresee]\n"
        "late = my_plugin:late [late]\n"
    )
    monkeypatch.syspath_prepend(tmp_path)


def test_the_commands_are_found_through_entry_points() -> None:
    assert set(OURS) <= set(commands.subcommands())


def test_help_takes_less_than_half_a_second_and_lists_every_command() -> None:
    thinkimg_process("--help")
    began = time.monotonic()
    shown = thinkimg_process("--help")
    assert time.monotonic() - began < 0.5 * 4, "with room for a busy machine"
    for name in OURS:
        assert f"\n  {name} " in shown.stdout


def test_help_imports_nothing_that_takes_long() -> None:
    script = (
        "import sys; from thinkimg_rpc.cli import main; main(['--help']); "
        "print([name for name in ('numpy', 'cv2', 'jsonschema', 'rich') if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "[]"


def test_no_command_shows_the_help() -> None:
    shown = thinkimg()
    assert shown.returncode == 0
    assert shown.stdout.startswith("Usage: thinkimg [OPTIONS] COMMAND")


@pytest.mark.parametrize("name", OURS)
def test_each_command_explains_itself_without_cutting_words_short(name: str) -> None:
    shown = thinkimg(name, "--help")
    assert shown.returncode == 0
    assert shown.stdout.startswith(f"Usage: thinkimg {name}")
    listed = thinkimg("--help").stdout
    (line,) = [line for line in listed.splitlines() if line.startswith(f"  {name} ")]
    assert not line.endswith("...")


def test_the_version_is_that_of_the_package() -> None:
    assert thinkimg_process("--version").stdout.strip()[0].isdigit()


@pytest.mark.usefixtures("plugin")
def test_an_installed_package_brings_commands_of_its_own(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["greet", "Ada"]) == 0
    assert capsys.readouterr().out == "hello Ada\n"


@pytest.mark.usefixtures("plugin")
@pytest.mark.parametrize("name", ["foresee", "late"])
def test_a_command_whose_extra_is_missing_names_the_pip_command(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([name]) == 2
    assert capsys.readouterr().err == (
        f"thinkimg {name}: the package torch_of_tomorrow is not installed; install what this "
        f"command needs with: pip install 'my-plugin[{name}]'\n"
    )


@pytest.mark.usefixtures("plugin")
def test_the_help_lists_a_command_whose_extra_is_missing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--help"]) == 0
    assert "pip install 'my-plugin[foresee]'" in capsys.readouterr().out


def test_a_missing_package_is_one_of_ours_when_nothing_else_is_known() -> None:
    entry = EntryPoint("ask", "no_such_agent.cli:ask [agent]", GROUP)
    with pytest.raises(MissingPackage, match=r"pip install 'thinkimg-rpc\[agent\]'"):
        Subcommand("ask", entry).load()


def test_an_unexpected_error_is_one_line_and_says_how_to_see_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> None:
        raise ValueError("a bug\nof two lines")

    entry = EntryPoint("broken", "nowhere:broken", GROUP)
    subcommand = Subcommand("broken", entry)
    monkeypatch.setattr(Subcommand, "load", lambda self: broken)
    monkeypatch.setattr("thinkimg_rpc.cli.program.subcommands", lambda: {"broken": subcommand})
    assert main(["broken"]) == 1
    assert capsys.readouterr().err == (
        "thinkimg broken: unexpected ValueError: a bug of two lines "
        "(THINKIMG_TRACEBACK=1 shows where)\n"
    )
    monkeypatch.setenv("THINKIMG_TRACEBACK", "1")
    with pytest.raises(ValueError, match="a bug"):
        main(["broken"])
