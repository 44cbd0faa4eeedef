"""Policies by name; another package's are found through its entry points."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from thinkimg_agent.conversation import Message
from thinkimg_agent.policies.choice import PolicyOptions, open_policy
from thinkimg_rpc.errors import InvalidRequest

from ...docs.blocks import ROOT, blocks_of

PAGE = ROOT / "docs" / "add-a-model.md"


@pytest.fixture
def package_of_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `pip install` makes of the package that the page on models shows."""
    titled = {block.title: block.text for block in blocks_of(PAGE) if block.title}
    (tmp_path / "my_model.py").write_text(titled["my_model.py"])
    project = tomllib.loads(titled["pyproject.toml"])["project"]
    installed = tmp_path / f"my_model-{project['version']}.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text(f"Name: {project['name']}\nVersion: {project['version']}\n")
    points = [
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in named.items())
        for group, named in project["entry-points"].items()
    ]
    (installed / "entry_points.txt").write_text("\n".join(points))
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.usefixtures("package_of_the_page")
async def test_a_policy_of_another_package_is_opened_by_its_name() -> None:
    async with open_policy("mine:v7", PolicyOptions(max_image_pixels=99)) as policy:
        assert (policy.name, policy.max_image_pixels) == ("mine:v7", 99)
        turn = await policy.generate([Message("user", ("Where?",))], [], 9)
    assert turn.text.endswith("<answer>left</answer>")


@pytest.mark.usefixtures("package_of_the_page")
@pytest.mark.parametrize("name", ["their:v7", "mine"])
def test_a_name_that_is_none_is_told_all_that_there_are(name: str) -> None:
    with pytest.raises(InvalidRequest, match=r"openai:MODEL.*transformers:.*mine:…, of my-model"):
        open_policy(name)


@pytest.mark.parametrize("name", ["openai:", "transformers:", "scripted:"])
def test_a_kind_without_a_model_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequest, match="nothing stands after the colon"):
        open_policy(name)
