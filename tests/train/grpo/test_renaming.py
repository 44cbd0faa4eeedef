"""Tools under other names: what a policy is told, and that they still do what they did."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from thinkimg_agent.episode import Limits, run_episode
from thinkimg_agent.policies import ScriptedPolicy
from thinkimg_agent.reply import Reply, WrittenCall
from thinkimg_agent.trajectory import StopReason
from thinkimg_eval.run.config import NamingSection
from thinkimg_eval.run.renaming import check_naming, renamed
from thinkimg_rpc.client import Mesh
from thinkimg_rpc.contract import ToolContract
from thinkimg_rpc.errors import InvalidRequest
from thinkimg_rpc.testing import Echo
from thinkimg_workers.crop import Crop

from .games import only_the_tool_wins
from .runs import make_run, numbers_of
from .tiny_player import DIALECT

SECTION = NamingSection(
    share=1.0, names={"Echo": ("Repeat", "Parrot")}, descriptions={"Crop": ("Cut a piece out.",)}
)


async def contracts() -> list[ToolContract]:
    async with Mesh.local([Echo, Crop]) as mesh:
        return await mesh.contracts()


async def test_names_and_words_differ_from_group_to_group_and_follow_from_the_seed() -> None:
    tools = await contracts()
    offered = [renamed(tools, SECTION, str(seed)) for seed in range(40)]
    assert offered == [renamed(tools, SECTION, str(seed)) for seed in range(40)]
    names = [{tool.method: tool.name for tool in one} for one in offered]
    echo, crop = (tool.method for tool in sorted(tools, key=lambda tool: tool.name == "Crop"))
    assert {one[echo] for one in names} == {"Repeat", "Parrot"}
    assert len({one[crop] for one in names}) == 40
    assert {tool.description for one in offered for tool in one if tool.method == crop} == {
        "Cut a piece out."
    }
    assert len({tuple(tool.method for tool in one) for one in offered}) == 2


async def test_a_share_of_groups_keeps_the_tools_as_they_are() -> None:
    tools = await contracts()
    half = NamingSection(share=0.5)
    kept = sum(renamed(tools, half, str(seed)) == tools for seed in range(400))
    assert 160 < kept < 240
    assert renamed(tools, NamingSection(), "0") == tools


async def test_a_renamed_tool_does_what_it_did_and_its_old_name_is_unknown() -> None:
    section = NamingSection(share=1.0, names={"Echo": ("Repeat",)})
    script = [
        DIALECT.write(Reply("", (WrittenCall(name, {"text": "a"}),))) for name in ("Repeat", "Echo")
    ]
    async with Mesh.local([Echo]) as mesh:
        episode = await run_episode(
            only_the_tool_wins().samples[0],
            ScriptedPolicy([*script, DIALECT.write(Reply("", answer="56"))]),
            mesh,
            Limits(),
            dialect=DIALECT,
            tools=renamed(await mesh.contracts(), section, "0"),
        )
    assert episode.stop is StopReason.ANSWERED
    assert episode.tools == ["Repeat"]
    done, unknown = (turn.calls[0] for turn in episode.turns[:2])
    assert done.error == ""
    assert json.loads(done.observation)["text"] == "a"
    assert "Echo" in unknown.error


async def test_a_tool_that_is_not_offered_is_named() -> None:
    with pytest.raises(InvalidRequest, match=r"naming\.names\.Ecko.*Echo"):
        check_naming(NamingSection(names={"Ecko": ("Repeat",)}), await contracts())


def test_a_run_offers_other_names(player: Path, echo_mesh: str, tmp_path: Path) -> None:
    make_run(
        tmp_path,
        player,
        echo_mesh,
        "only_the_tool_wins",
        schedule__steps=1,
        naming__share=1,
        trajectories__every_steps=1,
    )
    lines = (tmp_path / "rollouts/step_0000001/trajectories.jsonl").read_text().splitlines()
    offered = [json.loads(line)["tools"] for line in lines]
    assert offered[0] == offered[7] != offered[8] == offered[15]
    assert ["Echo"] not in offered
    assert numbers_of(tmp_path)[0]["aborted"] == 0
