"""`make repro`: from the shipped base to the table of reinforcement learning in docs/results.md.

`SEEDS=0`, `STEPS=50` and the like do a part of it; `FULL=1` asks all 14,501 questions once.
What was done by `make repro-sft` is not done again.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from held_against import OURS, accuracy_of, closed, controls, differences
from learning_curves import draw_curves
from reproduction import (
    LIMITS,
    RESULTS,
    ROOT,
    Row,
    Stages,
    commit,
    table,
    with_one_mesh,
    write_between,
)
from thinkimg_train.grpo_config import GrpoConfig
from thinkimg_train.reading import read_config

CONFIG = "train/configs/grpo-small.toml"
PROMPTS, ALL_PROMPTS = 2000, 14_501
RATES = (3e-5, 1e-4, 3e-4)
"""Learning rates that each arm of reinforcement learning is tried with."""
DEV_QUESTIONS = 200
OWN = "rejection-sampling SFT"
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

    @property
    def played(self) -> int:
        """Prompts that reinforcement learning comes to."""
        return min(self.prompts, self.steps * self.groups)

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
    rows, bad = asyncio.run(
        with_one_mesh(plan.stages, lambda stages: made(replace(plan, stages=stages)))
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
    parts = [told, *table(rows), "", *differences(rows), "", *closed(rows), ""]
    parts += controls(rows, bad)
    write_between(ROOT / asked.results, "make repro", "\n".join([parts[0], "", *parts[1:]]))
    print("\n".join(parts))


def made(plan: Plan) -> tuple[list[Row], list[Row]]:
    """The rows of the table, and what must not do well."""
    stages = plan.stages
    stages.collect_lessons()
    starts = [(kind, seed) for kind in ("sft", "text-sft") for seed in plan.seeds]
    stages.all_of([partial(stages.fine_tuned, kind, seed) for kind, seed in starts])
    rates = _best_rates(plan)
    return rows_of(plan, rates), controls_of(plan, rates[ARMS[-1].name])


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


@dataclass(frozen=True)
class Way:
    """A way to learn, whose model of each seed is a row of the table."""

    name: str
    kind: str
    """What its folders are called."""
    make: Callable[[int], Path]
    """The folder of the model that has learned so, from a seed."""
    tools: bool


def rows_of(plan: Plan, rates: Mapping[str, float]) -> list[Row]:
    """All rows of the table, in its order.

    Args:
        rates: the learning rate of each arm.
    """
    stages, seeds = plan.stages, plan.seeds
    ways = _ways(plan, rates)
    each = [(way, seed) for way in reversed(ways) for seed in seeds]  # the longest first
    done = stages.all_of([partial(_made_and_asked, plan, way, seed) for way, seed in each])
    runs = dict(zip(((way.name, seed) for way, seed in each), done, strict=True))
    base, full, planner = stages.all_of(
        [
            partial(stages.answered, stages.base, "base"),
            partial(_full_view, stages, stages.base, "base"),
            partial(stages.answered, None, "planner"),
        ]
    )
    learned = []
    for way in ways:
        of_seeds = [runs[way.name, seed] for seed in seeds]
        views = [view for _, view in of_seeds]
        learned.append(Row(way.name, [run for run, _ in of_seeds], views))
    return [Row("base", [base], [full]), *learned, Row("planner", [planner], learned=False)]


def _ways(plan: Plan, rates: Mapping[str, float]) -> list[Way]:
    stages = plan.stages
    kinds = {arm.name: plan.named(arm.name) for arm in ARMS}
    return [
        Way("Text-SFT", "text-sft", partial(stages.fine_tuned, "text-sft"), tools=False),
        Way("SFT", "sft", partial(stages.fine_tuned, "sft"), tools=True),
        Way("SFT, as long as RL", plan.named("sft-on"), partial(_trained_on, plan), tools=True),
        Way(OWN, plan.named("sft-own"), partial(_trained_on_own, plan), tools=True),
        *(
            Way(
                arm.row,
                kinds[arm.name],
                partial(
                    reinforced, plan, arm, rates[arm.name], steps=plan.steps, kind=kinds[arm.name]
                ),
                tools=arm.tools,
            )
            for arm in ARMS
        ),
    ]


def _made_and_asked(plan: Plan, way: Way, seed: int) -> tuple[Path, Path]:
    """The runs of a model, at the task's view with what it has, and at the full one without."""
    model, name = way.make(seed), f"{way.kind}-{seed}"
    answered = plan.stages.answered(model, name, tools=way.tools)
    return answered, _full_view(plan.stages, model, name)


def _full_view(stages: Stages, model: Path, name: str) -> Path:
    return stages.answered(model, f"{name}-full-view", tools=False, view="full")


def _after_sft(plan: Plan, seed: int) -> Path:
    return plan.stages.work / f"sft-{seed}" / "model"


def _trained_on(plan: Plan, seed: int, kind: str = "sft-on", lessons: Sequence[Path] = ()) -> Path:
    """Fine-tuned for as many updates on as many episodes as reinforcement learning has."""
    episodes = plan.groups * plan.group_size
    over = {"schedule.steps": plan.steps, "batch.episodes": episodes, **_ON}
    start = _after_sft(plan, seed)
    return plan.stages.fine_tuned(plan.named(kind), seed, start=start, lessons=lessons, over=over)


def _trained_on_own(plan: Plan, seed: int) -> Path:
    """Fine-tuned on what it has got right itself of the prompts of reinforcement learning."""
    stages, out = plan.stages, plan.stages.work / plan.named(f"own-{seed}")
    rollout = read_config(GrpoConfig, ROOT / CONFIG, []).rollout
    stages.do(
        *("collect", "--task", "synthcharts", "--task.split", "train", "--limit", plan.played),
        *("--policy", f"transformers:{_after_sft(plan, seed)}"),
        *("--policy.temperature", rollout.temperature, "--concurrency", rollout.batch),
        *("--policy.dialect", rollout.dialect, "--policy.coordinates", rollout.coordinates),
        *("--policy.max_image_pixels", rollout.max_image_pixels, "--seed", 0, *LIMITS),
        *("--tries", plan.group_size, "--keep", plan.group_size, "--out", out),
        done=out / "card.json",
    )
    return _trained_on(plan, seed, "sft-own", [out])


def reinforced(
    plan: Plan,
    arm: Arm,
    rate: float,
    seed: int,
    *,
    steps: int,
    kind: str,
    over: Sequence[object] = (),
) -> Path:
    """The folder of a model that has learned by reinforcement."""
    stages, out = plan.stages, plan.stages.work / f"{kind}-{seed}"
    start = stages.base if arm.start == "base" else stages.work / f"{arm.start}-{seed}" / "model"
    stages.do(
        *("train", "grpo", "--config", CONFIG, "--out", out, "--seed", seed),
        *("--model.path", start, "--limit", plan.prompts, "--schedule.steps", steps),
        *("--schedule.learning_rate", rate),
        *(() if arm.tools else ("--rollout.tools", "none")),
        *over,
        done=out / "model" / "config.json",
    )
    return out / "model"


def _best_rates(plan: Plan) -> dict[str, float]:
    """Of each arm, the learning rate that answers most questions of another split after a short
    run."""
    tried = [(arm, rate) for arm in reversed(ARMS) for rate in RATES]
    runs = plan.stages.all_of([partial(_tried, plan, arm, rate) for arm, rate in tried])
    if plan.stages.only_said:
        return {arm.name: RATES[1] for arm in ARMS}
    right = {one: accuracy_of(run) for one, run in zip(tried, runs, strict=True)}
    return {arm.name: max(RATES, key=lambda rate: right[arm, rate]) for arm in ARMS}


def _tried(plan: Plan, arm: Arm, rate: float) -> Path:
    kind, seed = plan.named(f"{arm.name}-at-{rate:g}"), plan.seeds[0]
    model = reinforced(plan, arm, rate, seed, steps=plan.search_steps, kind=kind)
    return plan.stages.answered(
        model, f"{kind}-{seed}", tools=arm.tools, split="dev", questions=DEV_QUESTIONS
    )


def controls_of(plan: Plan, rate: float) -> list[Row]:
    """What must not do well, or the experiment is broken: observations that are of other charts,
    no tools where they were learned with, and a reward of chance."""
    stages, kind = plan.stages, plan.named(ARMS[-1].name)
    models = [(seed, stages.work / f"{kind}-{seed}" / "model") for seed in plan.seeds]
    swapped = [
        partial(stages.answered, model, f"{kind}-{seed}-swapped", over=("--swapped_images", "true"))
        for seed, model in models
    ]
    without = [
        partial(stages.answered, model, f"{kind}-{seed}-without", tools=False)
        for seed, model in models
    ]
    by_chance = [partial(_by_chance, plan, rate)]
    done = stages.all_of([*by_chance, *swapped, *without])
    count = len(models)
    return [
        Row("observations of other charts", done[1 : 1 + count]),
        Row("tools switched off", done[1 + count :]),
        Row("reward of chance", done[:1]),
    ]


def _by_chance(plan: Plan, rate: float) -> Path:
    """The answers of what was rewarded by chance; of one seed."""
    kind, seed = plan.named("by-chance"), plan.seeds[0]
    only_chance = [
        f"--reward.weights.{part}={weight}"
        for part, weight in (("chance", 1), ("accuracy", 0), ("format", 0))
    ]
    model = reinforced(plan, ARMS[-1], rate, seed, steps=plan.steps, kind=kind, over=only_chance)
    return plan.stages.answered(model, f"{kind}-{seed}")


def run_of(plan: Plan, arm: Arm, seed: int) -> Path:
    """The folder of a run of reinforcement learning."""
    return ROOT / plan.stages.work / f"{plan.named(arm.name)}-{seed}"


if __name__ == "__main__":
    main()
