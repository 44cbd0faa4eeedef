"""One self-contained HTML page for a run."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable, Iterable, Mapping
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
    """Episodes of a run, and the URLs of the images that their page shows, by digest."""

    name: str
    episodes: list[EpisodeView] = field(default_factory=list)
    pictures: dict[str, str] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    """To the pages around this one, by what they are called."""

    def add(self, number: int, trajectory: Trajectory, url_of: Callable[[str], str]) -> None:
        """Show an episode too; `url_of` gives an image's URL by its digest."""
        self.episodes.append(episode_view(number, trajectory))
        for image in trajectory.images:
            if image.shown_digest not in self.pictures:
                self.pictures[image.shown_digest] = url_of(image.shown_digest)

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


def write_part(
    run: Path,
    page: Path,
    numbered: Iterable[tuple[int, Trajectory]],
    *,
    name: str,
    links: Mapping[str, str],
) -> None:
    """Write a page of some of a run's episodes, for runs that are too long for one page.

    It shows the images out of the run's folder, and has to stay beside it. Each episode is
    found under `#episode-N`, by its number.
    """
    view = RunView(name, links=dict(links))
    for number, trajectory in numbered:
        view.add(number, trajectory, lambda digest: _linked(run, page, digest))
    page.write_text(_render(view), encoding="utf-8")


def run_page(run: Path) -> str:
    """The HTML of a run's page. Raises: BadTrajectory, FileNotFoundError."""
    return _render(run_view(run))


def run_view(run: Path) -> RunView:
    """All that the page of a run's folder shows. Raises: BadTrajectory, FileNotFoundError."""
    view = RunView(run.resolve().name)
    for number, trajectory in enumerate(read_trajectories(run), 1):
        view.add(number, trajectory, lambda digest: _data_url(run, digest))
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


def _linked(run: Path, page: Path, digest: str) -> str:
    path = image_path(run, digest)
    return "" if path is None else Path(os.path.relpath(path, page.parent)).as_posix()


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
