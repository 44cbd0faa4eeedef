"""`thinkimg eval run --naming.share 1`: tools under names that a policy has never seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from thinkimg_agent.trajectory_file import read_trajectories
from thinkimg_eval.report.results import NO_SUCH_TOOL, read_results
from thinkimg_eval.report.writing import write_report
from thinkimg_eval.run.config import NamingSection
from thinkimg_rpc.errors import InvalidRequest

from ..conftest import LOOK_AND_ANSWER
from .test_runner import config, make


async def test_tools_are_offered_under_other_names_and_counted_under_their_own(
    crop_mesh: str, look_and_answer: Path, tmp_path: Path
) -> None:
    # The script calls the tool by its own name, which is unknown where it is called otherwise.
    (old,), _ = await make(
        config(crop_mesh, look_and_answer, tmp_path / "old", naming=NamingSection(share=1.0))
    )
    offered = [one.tools for one in read_trajectories(old.path)]
    assert all(len(names) == 1 for names in offered)
    assert len({names[0] for names in offered}) == len(offered) == 12
    write_report(old)
    assert all(one.caller_errors == {NO_SUCH_TOOL: 1} for one in read_results(old.path).results)

    named = NamingSection(share=1.0, names={"Crop": ("Zoom",)})
    script = tmp_path / "zoom.txt"
    script.write_text(LOOK_AND_ANSWER.replace("Crop", "Zoom"))
    (new,), _ = await make(config(crop_mesh, script, tmp_path / "new", naming=named))
    episodes = list(read_trajectories(new.path))
    assert {call.name for one in episodes for call in one.turns[0].calls} == {"Zoom"}
    write_report(new)
    assert all(one.calls == {"Crop": 1} for one in read_results(new.path).results)
    assert not any(one.caller_errors for one in read_results(new.path).results)
    with pytest.raises(InvalidRequest, match=r"naming\.share"):
        await make(config(crop_mesh, script, tmp_path / "new"))


async def test_a_tool_that_is_not_offered_is_named(
    crop_mesh: str, look_and_answer: Path, tmp_path: Path
) -> None:
    wrong = NamingSection(names={"Cropp": ("Zoom",)})
    with pytest.raises(InvalidRequest, match=r"naming\.names\.Cropp.*Crop"):
        await make(config(crop_mesh, look_and_answer, tmp_path, naming=wrong))
