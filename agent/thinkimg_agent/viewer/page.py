"""One self-contained HTML page for a run."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from thinkimg_agent.trajectory import (
    CallRecord,
    ImageRecord,
    Trajectory,
    TurnRecord,
    verdict_of,
)
from thinkimg_agent.trajectory_file import image_path, read_trajectories
from thinkimg_agent.viewer.marks import Mark, marks_of

_TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".webp": "image/webp", ".gif": "image/gif"}


@dataclass(frozen=True)
class CallView:
    """A call, with what to draw over the image it was about."""

    record: CallRecord
    arguments: str
    image: ImageRecord | None
    marks: list[Mark]
    results: list[ImageRecord]


@dataclass(frozen=True)
class TurnView:
    number: int
    record: TurnRecord
    calls: list[CallView]


@dataclass(frozen=True)
class EpisodeView:
    """An episode as the page shows it."""

    number: int
    trajectory: Trajectory
    verdict: str
    """"right", "wrong", "aborted", "unanswered", or "answered" where no truth is known."""
    tools: list[str]
    images: list[ImageRecord]
    turns: list[TurnView]
    model_s: float
    tools_s: float


@dataclass
class RunView:
    """A run, and the bytes of the images its page shows, as data URLs by digest."""

    name: str
    episodes: list[EpisodeView] = field(default_factory=list)
    pictures: dict[str, str] = field(default_factory=dict)

    @property
    def verdicts(self) -> dict[str, int]:
        counts: dict[str, int] = {}
        for episode in self.episodes:
            counts[episode.verdict] = counts.get(episode.verdict, 0) + 1
        return counts

    @property
    def tools(self) -> list[str]:
        return sorted({tool for episode in self.episodes for tool in episode.tools})


def write_page(run: Path, page: Path) -> int:
    """Write the page of a run's folder; how many episodes it shows.

    Raises: BadTrajectory, FileNotFoundError.
    """
    view = run_view(run)
    page.write_text(_render(view), encoding="utf-8")
    return len(view.episodes)


def run_page(run: Path) -> str:
    """The HTML of a run's page. Raises: BadTrajectory, FileNotFoundError."""
    return _render(run_view(run))


def run_view(run: Path) -> RunView:
    """All that the page of a run's folder shows. Raises: BadTrajectory, FileNotFoundError."""
    view = RunView(run.resolve().name)
    for number, trajectory in enumerate(read_trajectories(run), 1):
        view.episodes.append(episode_view(number, trajectory))
        for image in trajectory.images:
            if image.shown_digest not in view.pictures:
                view.pictures[image.shown_digest] = _data_url(run, image.shown_digest)
    return view


def episode_view(number: int, trajectory: Trajectory) -> EpisodeView:
    """An episode's turns, with each call beside the images it was about and led to."""
    calls = [call for turn in trajectory.turns for call in turn.calls]
    return EpisodeView(
        number=number,
        trajectory=trajectory,
        verdict=verdict_of(trajectory),
        tools=sorted({call.tool or call.name for call in calls}),
        images=[image for image in trajectory.images if image.turn < 0],
        turns=[_turn(trajectory, index) for index in range(len(trajectory.turns))],
        model_s=sum(turn.seconds for turn in trajectory.turns),
        tools_s=sum(call.seconds for call in calls),
    )


def _turn(trajectory: Trajectory, index: int) -> TurnView:
    turn = trajectory.turns[index]
    named = {image.name: image for image in trajectory.images}
    views = []
    for number, call in enumerate(turn.calls):
        made = [one for one in trajectory.images if (one.turn, one.call) == (index, number)]
        views.append(
            CallView(
                record=call,
                arguments=_written(call),
                image=named.get(call.image),
                marks=marks_of(call.request, call.response),
                results=made,
            )
        )
    return TurnView(index + 1, turn, views)


def _written(call: CallRecord) -> str:
    if isinstance(call.arguments, str):
        return call.arguments
    return json.dumps(call.arguments, ensure_ascii=False)


def _data_url(run: Path, digest: str) -> str:
    path = image_path(run, digest)
    if path is None:
        return ""
    data = base64.b64encode(path.read_bytes()).decode()
    return f"data:{_TYPES.get(path.suffix, 'application/octet-stream')};base64,{data}"


def _render(view: RunView) -> str:
    environment = Environment(
        loader=PackageLoader("thinkimg_agent.viewer", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html").render(run=view, verdicts=_ordered(view.verdicts))


def _ordered(verdicts: dict[str, int]) -> Iterable[tuple[str, int]]:
    order = ("right", "answered", "wrong", "unanswered", "aborted")
    return [(verdict, verdicts[verdict]) for verdict in order if verdict in verdicts]
