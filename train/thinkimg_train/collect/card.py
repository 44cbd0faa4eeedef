"""The data card: what a collection holds, where it comes from, and what was left out and why."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from thinkimg_agent.trajectory import Trajectory
from thinkimg_agent.trajectory_file import TRAJECTORIES, read_trajectories
from thinkimg_eval.run.folder import write_json
from thinkimg_train.collect.folder import Attempt, CollectFolder, CollectOrigin

CARD = "card.json"
PAGE = "card.md"
_EXAMPLES = 5


class Category(msgspec.Struct, frozen=True):
    """Of one kind of question."""

    questions: int
    accepted: int


class Rejections(msgspec.Struct, frozen=True):
    """Of one rule."""

    tries: int
    examples: list[str]
    """Ids of questions, the first ones."""


class DataCard(msgspec.Struct, frozen=True, kw_only=True):
    """What is in card.json."""

    hash: str
    """sha256 of all that a trainer takes from the accepted trajectories, in order."""
    origin: CollectOrigin
    questions: int
    """That were tried."""
    attempts: int
    accepted: int
    rejected: dict[str, Rejections]
    """By rule. A try that two rules speak against is counted for both."""
    categories: dict[str, Category]
    calls: dict[str, int]
    """By tool, in accepted trajectories."""
    failed_calls: int
    turns: dict[int, int]
    """Accepted trajectories by their number of turns."""
    slips: dict[str, int]
    """What the teacher got wrong on purpose in accepted trajectories."""
    first_thoughts: int
    """Different ones."""
    images: int
    """Different ones, in accepted trajectories."""


def write_card(folder: CollectFolder, attempts: Sequence[Attempt]) -> DataCard:
    """Both card files of a collection that is in order."""
    path = folder.path / TRAJECTORIES
    trajectories = list(read_trajectories(path)) if path.exists() else []
    card = card_of(folder.origin(), attempts, trajectories)
    write_json(folder.path / CARD, card)
    (folder.path / PAGE).write_text(page_of(card), encoding="utf-8")
    return card


def card_of(
    origin: CollectOrigin, attempts: Sequence[Attempt], trajectories: Sequence[Trajectory]
) -> DataCard:
    """The card of some tries, and of the trajectories that were accepted among them."""
    rejected: dict[str, list[str]] = {}
    for attempt in attempts:
        for rule in dict.fromkeys(reason.rule for reason in attempt.reasons):
            rejected.setdefault(rule, []).append(attempt.sample_id)
    turns = [turn for one in trajectories for turn in one.turns]
    calls = [call for turn in turns for call in turn.calls]
    return DataCard(
        hash=content_hash(trajectories),
        origin=origin,
        questions=len({attempt.sample_index for attempt in attempts}),
        attempts=len(attempts),
        accepted=len(trajectories),
        rejected={
            rule: Rejections(len(ids), list(dict.fromkeys(ids))[:_EXAMPLES])
            for rule, ids in sorted(rejected.items(), key=lambda one: -len(one[1]))
        },
        categories=_categories(attempts),
        calls=dict(Counter(call.tool for call in calls if call.tool).most_common()),
        failed_calls=sum(bool(call.error) for call in calls),
        turns=dict(sorted(Counter(len(one.turns) for one in trajectories).items())),
        slips=dict(
            Counter(slip for one in attempts if one.accepted for slip in one.slips).most_common()
        ),
        first_thoughts=len({one.turns[0].thought for one in trajectories if one.turns}),
        images=len({image.digest for one in trajectories for image in one.images}),
    )


def content_hash(trajectories: Iterable[Trajectory]) -> str:
    """What a trainer takes from trajectories, in order: not how long they took, or when."""
    digest = hashlib.sha256()
    for one in trajectories:
        digest.update(msgspec.json.encode(_content(one)))
    return digest.hexdigest()


def page_of(card: DataCard) -> str:
    """The card as Markdown."""
    run = card.origin.run
    share = f"{card.accepted / card.attempts:.1%}" if card.attempts else "none"
    facts = {
        "task": f"{run.task.name} {run.task.version}, {_said(run.task.options)}",
        "policy": f"{run.policy.name}, {run.policy.dialect}, {run.policy.coordinates}",
        "method": f"{card.origin.method}, {card.origin.tries} tries a question at most",
        "tools": _said(run.tools or {}) or "none",
        "seed": run.seed or 0,
        "commit": ", ".join(run.commits),
        "hash": f"`{card.hash}`",
    }
    return (
        "\n\n".join(
            [
                f"# {card.accepted} trajectories of {run.policy.name} on {run.task.name}",
                f"{card.questions} questions were tried, {card.attempts} times in all; {share} of "
                f"the tries were accepted. They call tools {sum(card.calls.values())} times, of "
                f"which {card.failed_calls} fail and are mended, and show {card.images} different "
                f"images. {card.first_thoughts} different thoughts begin them.",
                _table(("where it comes from", ""), facts.items()),
                _table(
                    ("rejected because of", "tries", "such as"),
                    (
                        (rule, one.tries, ", ".join(one.examples))
                        for rule, one in card.rejected.items()
                    ),
                ),
                _table(
                    ("category", "questions", "accepted"),
                    ((name, one.questions, one.accepted) for name, one in card.categories.items()),
                ),
                _table(("tool", "calls"), card.calls.items()),
                _table(("turns", "trajectories"), card.turns.items()),
                _table(("wrong on purpose", "times"), card.slips.items()),
            ]
        ).rstrip()
        + "\n"
    )


def hash_of_run(run: Path) -> str:
    """The hash of a folder's trajectories, as its card has it while they are unchanged."""
    return content_hash(read_trajectories(run))


def _categories(attempts: Sequence[Attempt]) -> dict[str, Category]:
    tried: dict[str, set[int]] = {}
    for attempt in attempts:
        tried.setdefault(attempt.category, set()).add(attempt.sample_index)
    accepted = Counter(attempt.category for attempt in attempts if attempt.accepted)
    return {name: Category(len(tried[name]), accepted[name]) for name in sorted(tried)}


def _content(one: Trajectory) -> Any:
    turns = [
        (turn.text, turn.token_ids, [(call.name, call.observation) for call in turn.calls])
        for turn in one.turns
    ]
    images = [(image.name, image.shown_digest, image.turn) for image in one.images]
    return (one.sample_id, one.system, one.question, images, turns, one.answer)


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = [" | ".join(head), " | ".join("---" for _ in head)]
    lines += [" | ".join(str(cell).replace("|", "\\|") for cell in row) for row in rows]
    return "\n".join(f"| {line} |" for line in lines)


def _said(values: dict[str, Any]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in values.items())
