"""What `make repro-sft` and `make repro` have in common: the small model's stages and their table.

Each step is a command that anyone could type; it is printed, and not done twice.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import msgspec

from thinkimg_agent.sample import Sample
from thinkimg_eval.report.results import NO_SUCH_TOOL, Result, Results, read_results
from thinkimg_eval.report.results import RESULTS as RESULT_FILE
from thinkimg_eval.report.summary import Summary, Times, summary_of
from thinkimg_eval.synthcharts.questions import Question
from thinkimg_eval.synthcharts.samples import ChartSamples
from thinkimg_eval.synthcharts.task import score
from thinkimg_rpc.serve.config import find_config, load_config
from thinkimg_rpc.serve.own_mesh import own_mesh

T = TypeVar("T")

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = ROOT / ".venv" / "bin" / "thinkimg"
BASE = Path("train") / "thinkimg_train" / "small" / "weights" / "base"
RESULTS = ROOT / "docs" / "results.md"
TRAJECTORIES = 2942
MAX_PIXELS = 112 * 112
"""What the small model is shown of an image that a tool made: as of a chart."""
LIMITS = ("--limits.max_turn_tokens", 256)
"""Of a model's turns: what has not learned to end them would go on and on."""
_FAST = ("--policy.dtype", "bfloat16", "--concurrency", 64)
_AT_ONCE = 2
"""Commands that share the machine; one alone would leave much of it idle."""
SPOKEN = ("--policy.dialect", "hermes-brief", "--policy.coordinates", "0-1000")
FAMILIES = (
    *("labelled_value", "unlabelled_value", "extreme", "compare", "count", "panel"),
    *("color_to_series", "yes_no", "arithmetic"),
)


@dataclass(frozen=True)
class Stages:
    """The commands that lead from the base to answered test questions, each done once."""

    work: Path = Path("runs") / "small"
    base: Path = BASE
    trajectories: int = TRAJECTORIES
    """Lessons of the planner."""
    questions: int | None = None
    """Of each evaluation, the first ones; None: all."""
    only_said: bool = False
    """Print the commands, and do none."""
    mesh: str = ""
    """HOST:PORT of the mesh that all use; each has its own, if left out."""

    def do(self, *words: object, done: Path) -> None:
        """Run a command of `thinkimg`, unless what it leaves behind last is there."""
        command = [str(word) for word in words]
        print(f"$ thinkimg {shlex.join(command)}", flush=True)
        if self.only_said:
            return
        if (ROOT / done).exists():
            print("  is there already", flush=True)
            return
        threads = max(1, (os.cpu_count() or 1) // _AT_ONCE)
        surroundings = {**os.environ, "OMP_NUM_THREADS": str(threads)}
        if self.mesh:
            surroundings["THINKIMG_ADDRESS"] = self.mesh
        finished = subprocess.run([PROGRAM, *command], cwd=ROOT, check=False, env=surroundings)
        if finished.returncode:
            sys.exit("that failed; the same command goes on from there")

    def all_of(self, jobs: Sequence[Callable[[], T]]) -> list[T]:
        """What each of them returns, in their order; some are at work at once."""
        if self.only_said:
            return [job() for job in jobs]
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            return list(threads.map(lambda job: job(), jobs))

    def collect_lessons(self) -> None:
        """Those of the split's questions, and of as many others as are missing."""
        planner, more = self._lessons()
        asked = ("--task", "synthcharts", "--task.split", "sft", "--policy", "planner:", *SPOKEN)
        limit = () if self.questions is None else ("--limit", self.questions)
        self.do("collect", *asked, *limit, "--out", planner, done=planner / "card.json")
        missing = self.trajectories - _lines(planner)
        if missing > 0:
            words = ("--seed", "1", "--want", missing, "--out", more)
            self.do("collect", *asked, *words, done=more / "card.json")
        for lessons in (planner, more):
            answers = lessons.with_name(f"{lessons.name}-answers")
            done = answers / "trajectories.jsonl"
            self.do("data", "answers", lessons, "--out", answers, done=done)

    def fine_tuned(
        self,
        kind: str,
        seed: int,
        *,
        start: Path | None = None,
        lessons: Sequence[Path] = (),
        over: Mapping[str, object] = {},
    ) -> Path:
        """The folder of a model that has learned from recorded episodes.

        Args:
            kind: what it is called; of a name that begins with "text", no tools are seen.
            start: what it begins as; the base, if left out.
            lessons: the folders of episodes; the planner's, if left out.
            over: what is otherwise than in the configuration.
        """
        out = self.work / f"{kind}-{seed}"
        text = kind.startswith("text")
        planner = [
            one.with_name(one.name + ("-answers" if text else "")) for one in self._lessons()
        ]
        folders = ",".join(str(one) for one in lessons or planner)
        more = [f"--{name}={value}" for name, value in over.items()]
        self.do(
            *("train", "sft", "--config", "train/configs/sft-small.toml", "--out", out),
            *("--seed", seed, "--data.trajectories", folders, "--model.path", start or self.base),
            *more,
            done=out / "model" / "config.json",
        )
        return out / "model"

    def answered(
        self,
        model: Path | None,
        name: str,
        *,
        tools: bool = True,
        split: str = "test",
        view: str = "small",
        questions: int | None = None,
        over: Sequence[object] = (),
    ) -> Path:
        """The folder of a run of a split; `model` None: the planner's; `over`: further words."""
        out = self.work / split / name
        limit = self.questions or questions
        self.do(
            *("eval", "run", "--task", "synthcharts"),
            *("--policy", "planner:" if model is None else f"transformers:{model}", *SPOKEN),
            # Where there is nothing but the chart to see, it is seen whole.
            *(("--policy.max_image_pixels", MAX_PIXELS) if model and view == "small" else ()),
            *((*LIMITS, *_FAST) if model else ()),
            *(() if split == "test" else ("--task.split", split)),
            *(() if view == "small" else ("--task.view", view)),
            *(() if tools else ("--tools", "none")),
            *(() if limit is None else ("--limit", limit)),
            *over,
            *("--out", out),
            done=out / "summary.json",
        )
        return out

    def _lessons(self) -> tuple[Path, Path]:
        return self.work / "planner", self.work / "planner-more"

    def common_answers(self, answered: Path) -> Path:
        """The folder of what is right if each family of questions always gets the answer that
        is most common in its lessons; of the same questions as another run."""
        out = answered.with_name("common")
        common = {
            family: Counter(one.truth for one in asked).most_common(1)[0][0]
            for family, asked in _by_family("sft").items()
        }
        asked = ChartSamples("test", 0, None).questions()
        run = read_results(ROOT / answered)
        results = [
            msgspec.structs.replace(
                result,
                answer=common[result.category],
                score=_score(common[result.category], question),
                calls={},
                caller_errors={},
            )
            for result, question in zip(run.results, asked, strict=False)
        ]
        nothing = Times(all_s=0.0, policy_s=0.0, calls_s={})
        (ROOT / out).mkdir(parents=True, exist_ok=True)
        for name, content in (
            ("summary.json", summary_of(run.run, results, [nothing] * len(results))),
            (RESULT_FILE, Results(run=run.run, results=results)),
        ):
            (ROOT / out / name).write_bytes(msgspec.json.encode(content))
        return out


async def with_one_mesh(stages: Stages, make: Callable[[Stages], T]) -> T:
    """What is made by stages whose commands share a mesh; it keeps on disk what its tools have
    answered, as the same charts are looked at again and again."""
    if stages.only_said:
        return make(stages)
    config = load_config(find_config(None))
    answers = str((ROOT / stages.work / "tool-answers").absolute())
    kept = msgspec.structs.replace(config.mesh, result_cache_dir=answers)
    async with own_mesh(msgspec.structs.replace(config, mesh=kept)) as address:
        return await asyncio.to_thread(make, replace(stages, mesh=address))


def _by_family(split: str) -> dict[str, list[Question]]:
    families: dict[str, list[Question]] = {}
    for question in ChartSamples(split, 0, None).questions():
        families.setdefault(question.asked.family.value, []).append(question)
    return families


def _score(answer: str, question: Question) -> float:
    details = {} if question.tolerance is None else {"tolerance": question.tolerance}
    sample = Sample(
        "", question.text, (), truth=question.truth, accepted=question.accepted, details=details
    )
    return score(answer, sample)


def _lines(folder: Path) -> int:
    file = ROOT / folder / "trajectories.jsonl"
    if not file.exists():  # as where commands are only said
        return 0
    with file.open("rb") as lines:
        return sum(1 for _ in lines)


@dataclass(frozen=True)
class Row:
    """A row of the table: runs of the test split, one for each seed."""

    name: str
    runs: list[Path]
    full_views: list[Path] = field(default_factory=list)
    """The same questions without tools, on charts as large as they are."""
    learned: bool = True

    def summaries(self) -> list[Summary]:
        return [_summary(run) for run in self.runs]


def _summary(run: Path) -> Summary:
    return msgspec.json.decode((ROOT / run / "summary.json").read_bytes(), type=Summary)


def table(rows: Sequence[Row]) -> Iterator[str]:
    """The lines of a table of Markdown, mean ± standard deviation over the seeds."""
    yield f"| | {' | '.join(row.name for row in rows)} |"
    yield f"|---|{'---:|' * len(rows)}"
    for title, figure in _FIGURES.items():
        cells = [cell([figure(one) for one in row.summaries()]) for row in rows]
        yield f"| {title} | {' | '.join(cells)} |"
    distinct = [cell([distinct_tools(run) for run in row.runs]) for row in rows]
    yield f"| different tools a question | {' | '.join(distinct)} |"
    if any(row.full_views for row in rows):
        full = [cell([_percent(_summary(run).accuracy.mean) for run in r.full_views]) for r in rows]
        yield f"| full view, no tools | {' | '.join(full)} |"


def distinct_tools(run: Path) -> float:
    """Of a question, on average."""
    results: list[Result] = read_results(ROOT / run).results
    return statistics.fmean(len(one.calls.keys() - {NO_SUCH_TOOL}) for one in results)


def cell(values: Sequence[float | None]) -> str:
    """ "12.3 ± 0.4", or "-" where there is nothing."""
    known = [value for value in values if value is not None]
    if not known:
        return "-"
    mean = f"{statistics.mean(known):.1f}"
    return f"{mean} ± {statistics.stdev(known):.1f}" if len(known) > 1 else mean


def valid_calls(one: Summary) -> float | None:
    """The percentage of calls that were not refused; None: there were none."""
    calls = sum(use.calls for use in one.tools.by_tool.values())
    return 100 * (1 - one.tools.caller_errors / calls) if calls else None


def write_between(page: Path, command: str, text: str) -> None:
    """Put a text between the two marks of a command, at the end of a page without them."""
    start, end = (f"<!-- generated by `{command}`: {mark} -->" for mark in ("start", "end"))
    before, _, rest = page.read_text(encoding="utf-8").partition(start)
    after = rest.partition(end)[2] or "\n"
    page.write_text(f"{before}{start}\n\n{text}\n\n{end}{after}", encoding="utf-8")


def commit() -> str:
    """Of this checkout, in short."""
    words = ["git", "rev-parse", "--short", "HEAD"]
    finished = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    return finished.stdout.strip()


def _percent(value: float | None) -> float | None:
    return None if value is None else 100 * value


def _of_family(family: str) -> Callable[[Summary], float | None]:
    def accuracy(one: Summary) -> float | None:
        found = one.categories.get(family)
        return _percent(found.mean) if found else None

    return accuracy


_FIGURES: dict[str, Callable[[Summary], float | None]] = {
    "**all**": lambda one: _percent(one.accuracy.mean),
    "all but arithmetic": lambda one: _percent(one.accuracy_without["arithmetic"].mean),
    **{family: _of_family(family) for family in FAMILIES},
    "calls a question": lambda one: one.tools.calls_per_question,
    "valid calls": valid_calls,
}
