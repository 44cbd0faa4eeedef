from __future__ import annotations

import base64
import json
from pathlib import Path

import cv2
import numpy as np

from ..running_mesh import thinkimg


def test_a_call_prints_the_answer_for_people(mesh: str) -> None:
    called = thinkimg("call", "Echo", "--args", '{"text": "hello"}', "--address", mesh)
    assert called.returncode == 0, called.stderr
    assert "text: hello" in called.stdout.splitlines()


def test_text_that_was_read_is_printed_a_line_each_and_the_rest_by_name(mesh: str) -> None:
    called = thinkimg("call", "Read", "--address", mesh)
    assert called.stdout.splitlines() == ["Revenue, 2019", "12 %", "pages: 3"]


def test_json_has_the_response_without_the_bytes_of_its_images(mesh: str, chart: Path) -> None:
    called = thinkimg("call", "Invert", "--image", str(chart), "--json", "--address", mesh)
    image = json.loads(called.stdout)["image"]
    assert (image["width"], image["height"], image["media_type"]) == (60, 40, "image/png")
    assert "data" not in image


def test_result_images_are_saved_under_the_tools_name_and_a_number(
    mesh: str, chart: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    call = ("call", "Invert", "--image", str(chart), "--save", str(out), "--address", mesh)
    first = thinkimg(*call)
    assert first.stdout == f"image: 60 x 40 image/png, saved as {out}/invert-1.png\n"
    thinkimg(*call)
    assert sorted(path.name for path in out.iterdir()) == ["invert-1.png", "invert-2.png"]
    inverted = cv2.imread(str(out / "invert-1.png"))
    original = cv2.imread(str(chart))
    assert inverted is not None
    assert original is not None
    assert np.array_equal(255 - inverted, original)


def test_an_image_that_is_not_saved_is_told_with_the_remedy(mesh: str, chart: Path) -> None:
    called = thinkimg("call", "Invert", "--image", str(chart), "--address", mesh)
    assert called.stdout == "image: 60 x 40 image/png; --save DIR keeps it\n"


def test_several_images_are_told_apart_by_number_or_by_the_name_given(
    mesh: str, chart: Path
) -> None:
    images = ("--image", str(chart), "--image", f"legend={chart}", "--address", mesh)
    for name in ("img_1", "legend"):
        called = thinkimg("call", "Invert", *images, "--args", json.dumps({"image": name}))
        assert called.returncode == 0, called.stderr
    missing = thinkimg("call", "Invert", *images, "--args", '{"image": "img_2"}')
    assert missing.returncode == 2
    assert 'no image named "img_2" (there are img_1, legend)' in missing.stderr


def test_arguments_are_read_from_a_file(mesh: str, tmp_path: Path) -> None:
    path = tmp_path / "args.json"
    path.write_text('{"text": "from a file"}')
    called = thinkimg("call", "Echo", "--args", f"@{path}", "--address", mesh)
    assert "text: from a file" in called.stdout


def test_an_alias_reaches_the_tool(mesh: str, chart: Path) -> None:
    assert thinkimg("call", "negative", "--image", str(chart), "--address", mesh).returncode == 0


def test_a_request_holds_the_image_in_base64_for_other_clients(mesh: str, chart: Path) -> None:
    printed = thinkimg("request", "Invert", "--image", str(chart), "--address", mesh)
    request = json.loads(printed.stdout)
    assert base64.b64decode(request["image"]["data"]) == chart.read_bytes()


def test_the_address_is_taken_from_the_environment(mesh: str) -> None:
    assert thinkimg("call", "Read", THINKIMG_ADDRESS=mesh).returncode == 0
