"""`make repro`: from the shipped base to the table of reinforcement learning in docs/results.md.

`SEEDS=0`, `STEPS=50` and the like do a part of it; `FULL=1` asks all 14,501 questions once.
What was done by `make repro-sft` is not done again.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from learning_curves import draw_curves
from reproduction import RESULTS, ROOT, Row, Stages, commit, table, with_one_mesh, write_between
from thinkimg_eval.report.comparison import compare
from thinkimg_eval.report.intervals import Estimate
from thinkimg_eval.report.results import read_results
from thinkimg_train.grpo_config import GrpoConfig
from thinkimg_train.reading import read_config

CONFIG = "train/configs/grpo-small.toml"
PROMPTS, ALL_PROMPTS = 2000, 14_501
RATES = (1e-5, 3e-5, 1e-4)
"""Learning rates that each arm of reinforcement learning is tried with."""
DEV_QUESTIONS = 200
OURS = "V-ToolRL"
PICTURE = Path("docs") / "pictures" / "results" / "learning.png"
_ON = {"schedule.learning_rate": 3e-4, "schedule.final_share": 0.1}
"""Of fine-tuning that goes on: a third of what it began with."""


@dataclass(frozen=True)
class Arm:
    """One way to learn by reinforcement, with all else alike."""

    name: str
    start: str
    """The stage it begins after; "base": before any."""
    tools: bool

    @property
    def row(self) -> str:
        return OURS if self.tools else f"Text-RL from {self.start.title().replace('-Sft', '-SFT')}"


ARMS = (
    Arm("text-rl-of-base", "base", tools=False),
    Arm("text-rl", "text-sft", tools=False),
    Arm("v-toolrl", "sft", tools=True),
)


@dataclass(frozen=True)
class Plan:
    """What of the table is made."""

    stages: Stages
    seeds: Sequence[int]
    prompts: int
    steps: int
    search_steps: int
    """Of each run that a learning rate is tried in."""
    groups: int
    group_size: int

    def named(self, kind: str) -> str:
        """What is called so in a plan of as many updates, and not in others."""
        return f"rl-{self.steps}/{kind}"


def main(words: Sequence[str] | None = None) -> None:
    """
    Args:
        words: of the command line; this program's own, if left out.
    """
    asked = _asked(words)
    plan = plan_of(asked)
    began = time.perf_counter()
    rows = asyncio.run(
        with_one_mesh(plan.stages, lambda stages: rows_of(replace(plan, stages=stages)))
    )
    if asked.say:
        return
    took = (time.perf_counter() - began) / 3600
    told = (
        f"`make repro` at commit `{commit()}`: seeds {', '.join(map(str, plan.seeds))}; "
        f"{plan.prompts:,} prompts, {plan.steps} updates of {plan.groups} prompts × "
        f"{plan.group_size} episodes in each arm; this time it took {took:.1f} hours."
    )
    picture = ROOT / (asked.picture or PICTURE)
    draw_curves(
        {one.row: [run_of(plan, one, seed) for seed in plan.seeds] for one in ARMS}, picture
    )
    parts = [told, *table(rows), "", *differences(rows), "", *closed(rows)]
    write_between(ROOT / asked.results, "make repro", "\n".join([parts[0], "", *parts[1:]]))
    print("\n".join(parts))


def _asked(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=_numbers, default=(0, 1, 2), help="such as 0 or 0,1")
    parser.add_argument("--steps", type=int, help="updates of each arm; all prompts once")
    parser.add_argument("--full", action="store_true", help="14,501 prompts instead of 2,000")
    parser.add_argument("--questions", type=int, help="of each evaluation, the first ones")
    parser.add_argument("--work", type=Path, default=Stages.work)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--picture", type=Path, help=f"instead of {PICTURE}")
    parser.add_argument("--say", action="store_true", help="print the commands, and do none")
    return parser.parse_args(words)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(one) for one in text.split(","))


def plan_of(asked: argparse.Namespace) -> Plan:
    rollout = read_config(GrpoConfig, ROOT / CONFIG, []).rollout
    prompts = ALL_PROMPTS if asked.full else PROMPTS
    steps = asked.steps or -(-prompts // rollout.groups)
    stages = Stages(asked.work, questions=asked.questions, only_said=asked.say)
    few = max(1, steps // 5)
    return Plan(stages, asked.seeds, prompts, steps, few, rollout.groups, rollout.group_size)


def rows_of(plan: Plan) -> list[Row]:
    """All rows of the table, in its order; what they need is done on the way."""
    stages, seeds = plan.stages, plan.seeds
    stages.collect_lessons()
    base = stages.answered(stages.base, "base")
    rows = [Row("base", [base], [_full_view(stages, stages.base, "base")])]
    for name, kind in (("Text-SFT", "text-sft"), ("SFT", "sft")):
        models = [stages.fine_tuned(kind, seed) for seed in seeds]
        rows.append(_row(plan, name, kind, models, tools=kind == "sft"))
    after_sft = [stages.work / f"sft-{seed}" / "model" for seed in seeds]
    longer = [
        _trained_on(plan, plan.named("sft-on"), seed, start)
        for seed, start in zip(seeds, after_sft, strict=True)
    ]
    rows.append(_row(plan, "SFT, as long as RL", plan.named("sft-on"), longer, tools=True))
    own = [_own_lessons(plan, seed, start) for seed, start in zip(seeds, after_sft, strict=True)]
    rows.append(_row(plan, "rejection-sampling SFT", plan.named("sft-own"), own, tools=True))
    for arm in ARMS:
        rate = best_rate(plan, arm)
        kind = plan.named(arm.name)
        models = [reinforced(plan, arm, seed, rate, plan.steps, kind) for seed in seeds]
        rows.append(_row(plan, arm.row, kind, models, tools=arm.tools))
    return [*rows, Row("planner", [stages.answered(None, "planner")], learned=False)]


def _row(plan: Plan, name: str, kind: str, models: Sequence[Path], *, tools: bool) -> Row:
    stages = plan.stages
    named = [(f"{kind}-{seed}", model) for seed, model in zip(plan.seeds, models, strict=True)]
    return Row(
        name,
        [stages.answered(model, folder, tools=tools) for folder, model in named],
        [_full_view(stages, model, folder) for folder, model in named],
    )


def _full_view(stages: Stages, model: Path, name: str) -> Path:
    return stages.answered(model, f"{name}-full-view", tools=False, view="full")


def _trained_on(
    plan: Plan, kind: str, seed: int, start: Path, lessons: Sequence[Path] = ()
) -> Path:
    """Fine-tuned for as many updates on as many episodes as reinforcement learning has."""
    episodes = plan.groups * plan.group_size
    over = {"schedule.steps": plan.steps, "batch.episodes": episodes, **_ON}
    return plan.stages.fine_tuned(kind, seed, start=start, lessons=lessons, over=over)


def _own_lessons(plan: Plan, seed: int, start: Path) -> Path:
    """Fine-tuned on what it has got right itself of the prompts of reinforcement learning."""
    stages, out = plan.stages, plan.stages.work / f"own-{plan.prompts}-{seed}"
    rollout = read_config(GrpoConfig, ROOT / CONFIG, []).rollout
    stages.do(
        *("collect", "--task", "synthcharts", "--task.split", "train", "--limit", plan.prompts),
        *("--policy", f"transformers:{start}", "--policy.temperature", rollout.temperature),
        *("--policy.dialect", rollout.dialect, "--policy.coordinates", rollout.coordinates),
        *("--policy.max_image_pixels", rollout.max_image_pixels, "--seed", 0),
        *("--tries", plan.group_size, "--keep", plan.group_size, "--out", out),
        done=out / "card.json",
    )
    return _trained_on(plan, plan.named("sft-own"), seed, start, [out])


def reinforced(plan: Plan, arm: Arm, seed: int, rate: float, steps: int, kind: str) -> Path:
    """The folder of a model that has learned by reinforcement."""
    stages, out = plan.stages, plan.stages.work / f"{kind}-{seed}"
    start = stages.base if arm.start == "base" else stages.work / f"{arm.start}-{seed}" / "model"
    stages.do(
        *("train", "grpo", "--config", CONFIG, "--out", out, "--seed", seed),
        *("--model.path", start, "--limit", plan.prompts, "--schedule.steps", steps),
        *("--schedule.learning_rate", rate),
        *(() if arm.tools else ("--rollout.tools", "none")),
        done=out / "model" / "config.json",
    )
    return out / "model"


def best_rate(plan: Plan, arm: Arm) -> float:
    """The learning rate that answers most questions of another split after a short run."""
    tried: dict[float, Path] = {}
    for rate in RATES:
        kind = plan.named(f"{arm.name}-at-{rate:g}")
        model = reinforced(plan, arm, plan.seeds[0], rate, plan.search_steps, kind)
        name = f"{kind}-{plan.seeds[0]}"
        tried[rate] = plan.stages.answered(
            model, name, tools=arm.tools, split="dev", questions=DEV_QUESTIONS
        )
    if plan.stages.only_said:
        return RATES[1]
    return max(RATES, key=lambda rate: accuracy_of(tried[rate]))


def accuracy_of(run: Path) -> float:
    scores = [one.score for one in read_results(ROOT / run).results if one.score is not None]
    return sum(scores) / len(scores)


def run_of(plan: Plan, arm: Arm, seed: int) -> Path:
    """The folder of a run of reinforcement learning."""
    return ROOT / plan.stages.work / f"{plan.named(arm.name)}-{seed}"


def differences(rows: Sequence[Row]) -> Iterator[str]:
    """A table of what tools in reinforcement learning gain over each other row that learned."""
    (ours,) = [row for row in rows if row.name == OURS]
    others = [row for row in rows if row.learned and row is not ours]
    yield f"{OURS} minus each other row, question by question, in points with 95% intervals:"
    yield ""
    yield f"| | {' | '.join(f'run {n + 1}' for n in range(len(ours.runs)))} |"
    yield f"|---|{'---:|' * len(ours.runs)}"
    for row in others:
        # There is one run of what has not learned anything yet.
        theirs = row.runs * (len(ours.runs) // len(row.runs))
        pairs = zip(theirs, ours.runs, strict=True)
        cells = [_said(compare(ROOT / first, ROOT / second).difference) for first, second in pairs]
        yield f"| {row.name} | {' | '.join(cells)} |"


def _said(one: Estimate) -> str:
    mean, low, high = (100 * (value or 0.0) for value in (one.mean, one.low, one.high))
    return f"{mean:+.1f} ({low:+.1f} to {high:+.1f})"


def closed(rows: Sequence[Row]) -> Iterator[str]:
    """How much of the way from fine-tuning to the planner reinforcement learning has gone."""
    means = {row.name: sum(accuracy_of(run) for run in row.runs) / len(row.runs) for row in rows}
    whole = means["planner"] - means["SFT"]
    share = f"{(means[OURS] - means['SFT']) / whole:.0%}" if whole > 0 else "-"
    yield f"Of the distance from SFT to the planner {OURS} closes {share} (goal: at least 40%)."


if __name__ == "__main__":
    main()
