from __future__ import annotations

import pytest

from thinkimg_rpc.serve.pip_words import step_of, why_it_failed

CONFLICT = """\
Collecting protobuf<6
ERROR: Cannot install protobuf<6 and thinkimg-rpc[worker]==1.0 because these package versions \
have conflicting dependencies.

The conflict is caused by:
    The user requested protobuf<6
    thinkimg-rpc[worker] 1.0 depends on protobuf<8 and >=6.31.1

To fix this you could try to:
1. loosen the range of package versions you've specified
ERROR: ResolutionImpossible: for help visit https://pip.pypa.io/
"""


@pytest.mark.parametrize(
    ("line", "step"),
    [
        ("Collecting torch>=2.7 (from sam2)", "looking for torch"),
        ("  Downloading torch-2.15.0-cp311-cp311-x.whl (890.1 MB)", "downloading torch (890.1 MB)"),
        ("  Using cached timm-1.0.31-py3-none-any.whl (2 MB)", "taking timm from pip's cache"),
        ("  Building wheel for sam2 (pyproject.toml): started", "building sam2"),
        ("INFO: pip is looking at multiple versions of numpy to", "trying versions of numpy"),
        ("Installing collected packages: torch, numpy", "installing"),
        ("Requirement already satisfied: numpy in ./site-packages", ""),
    ],
)
def test_a_line_of_pip_is_told_in_plain_words(line: str, step: str) -> None:
    assert step_of(line) == step


def test_a_conflict_is_told_by_what_excludes_what() -> None:
    assert why_it_failed(CONFLICT.splitlines()) == (
        "its requirements exclude each other: protobuf<6 is asked for; "
        "thinkimg-rpc[worker] 1.0 depends on protobuf<8 and >=6.31.1; every worker needs what "
        "thinkimg-rpc depends on, so choose a version of the package that allows it"
    )


def test_a_conflict_among_the_requirements_themselves_is_theirs_to_mend() -> None:
    lines = ["The conflict is caused by:", "    The user requested a<2", "    b 1 depends on a>3"]
    assert why_it_failed(lines) == (
        "its requirements exclude each other: a<2 is asked for; b 1 depends on a>3; "
        "loosen one of them"
    )


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (
            [
                "ERROR: Could not find a version that satisfies the requirement zoom (from: none)",
                "ERROR: No matching distribution found for zoom",
            ],
            "No matching distribution found for zoom",
        ),
        (
            [
                "WARNING: Retrying after connection broken by 'NewConnectionError('...')'",
                "ERROR: No matching distribution found for zoom",
            ],
            "the package index cannot be reached: No matching distribution found for zoom",
        ),
        (["  Some trouble  ", ""], "Some trouble"),
        ([], "pip said nothing"),
    ],
)
def test_any_other_failure_is_told_by_pips_last_telling_line(lines: list[str], reason: str) -> None:
    assert why_it_failed(lines) == reason
