"""What a command says last."""

from __future__ import annotations

import pytest

from thinkimg_rpc.cli.screen import goes_on_after_ctrl_c


def test_a_command_that_can_go_on_says_so_when_it_is_interrupted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(KeyboardInterrupt), goes_on_after_ctrl_c():
        raise KeyboardInterrupt
    assert "the same command goes on" in capsys.readouterr().err


def test_other_mistakes_are_left_to_who_reports_them(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="what is wrong"), goes_on_after_ctrl_c():
        raise ValueError("what is wrong")
    assert capsys.readouterr().err == ""
