"""The rules by which a teacher's trajectory is a lesson, or is not.

Each rule is a function of one trajectory that gives the reasons against it. What they
mean is said on the page docs/collect.md in the same words.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator

import msgspec

from thinkimg_agent.trajectory import CallRecord, StopReason, Trajectory, TurnRecord
from thinkimg_train.collect.config import ChecksSection
from thinkimg_train.collect.evidence import (
    is_number,
    numbers,
    places_told_by,
    plain,
    says,
    terms,
    told_by,
)


class Reason(msgspec.Struct, frozen=True):
    """Why a trajectory was rejected."""

    rule: str
    detail: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.detail}"


def reasons_against(trajectory: Trajectory, checks: ChecksSection) -> list[Reason]:
    """All that speaks against a scored trajectory; it is accepted if nothing does."""
    return [Reason(rule.__name__, detail) for rule in RULES for detail in rule(trajectory, checks)]


def unanswered(trajectory: Trajectory, checks: ChecksSection) -> Iterator[str]:
    """It ended without an answer."""
    if trajectory.stop is not StopReason.ANSWERED:
        yield f"{trajectory.stop.value} {trajectory.stop_detail}".strip()


def unparseable(trajectory: Trajectory, checks: ChecksSection) -> Iterator[str]:
    """A turn is not in the dialect."""
    for number, turn in enumerate(trajectory.turns, 1):
        if turn.problem:
            yield f"turn {number}: {turn.problem}"


def wrong_answer(trajectory: Trajectory, checks: ChecksSection) -> Iterator[str]:
    """The task's scorer does not call the answer right."""
    if trajectory.answer is not None and (trajectory.score or 0.0) < 1:
        yield f'"{trajectory.answer}", not "{trajectory.truth}"'


def no_call(trajectory: Trajectory, checks: ChecksSection) -> Iterator[str]:
    """It is answered with fewer calls that succeeded than `min_calls`."""
    if trajectory.answer is None:
        return
    made = sum(not call.error for turn in trajectory.turns for call in turn.calls)
    if made < checks.min_calls:
        yield f"{made} calls, at least {checks.min_calls} wanted"


def invalid_call(trajectory: Trajectory, checks: ChecksSection) -> Iterator[str]:
    """A call failed, and was not mended in the turn right after; or too many failed."""
    failed = 0
    for number, turn in enumerate(trajectory.turns, 1):
        after = trajectory.turns[number].calls if number < len(trajectory.turns) else []
        for call in turn.calls:
            if not call.error:
                continue
            failed += 1
            if not _is_mended(call, after):
                yield f"turn {number}, {call.name}: {call.error}"
            elif failed > checks.mended_calls:
                yield f"turn {number}, {call.name}: the failed call number {failed}"


def repeated_call(trajectory: Trajectory, checks: ChecksSection) -> Iterator[str]:
    """A call was made before, to the letter: same tool, arguments and image."""
    seen: set[str] = set()
    for number, turn in enumerate(trajectory.turns, 1):
        for call in turn.calls:
            key = call_key(call)
            if key in seen:
                yield f"turn {number}, {call.name}"
            seen.add(key)


def unused_result(trajectory: Trajectory, checks: ChecksSection) -> Iterator[str]:
    """A look came to nothing. A look is a turn of calls, with the turn that mends it.

    None of its results is an image. None of its boxes is around a text, read in another look,
    that was taken up later. No word or number that they told, and that neither
    the question nor an earlier observation had, is in anything the teacher wrote later.
    And all numbers that it wrote later, and the words of its answer, are in the question
    or in other observations: nothing was worked out that these results could be behind.
    """
    if trajectory.answer is None:
        return
    asked = terms(trajectory.question)
    looks = _looks(trajectory)
    told = [frozenset().union(*map(_told, turns)) for _, turns in looks]
    for at, (last, turns) in enumerate(looks):
        if not any(not call.error for turn in turns for call in turn.calls):
            continue
        if any(
            image.turn > last - len(turns) and image.turn <= last for image in trajectory.images
        ):
            continue
        later = [terms(_written(one)) for one in trajectory.turns[last + 1 :]]
        answer = terms(trajectory.answer)
        taken_up = answer.union(*later)
        elsewhere = asked.union(*told[:at], *told[at + 1 :])
        new = told[at] - asked.union(*told[:at])
        worked_out = (numbers(taken_up) | answer) - elsewhere
        if not (new & taken_up or worked_out or _led_to_text(trajectory, turns, taken_up - asked)):
            names = ", ".join(call.name for turn in turns for call in turn.calls)
            yield f"turn {last + 1}, {names}"


def _led_to_text(trajectory: Trajectory, turns: list[TurnRecord], taken_up: frozenset[str]) -> bool:
    """Whether a box of these turns is around a text that something was taken up of."""
    found = [
        (call.image, place)
        for turn in turns
        for call in turn.calls
        for place in places_told_by(call.observation)
    ]
    texts = [
        (call.image, place)
        for turn in trajectory.turns
        for call in turn.calls
        for place in places_told_by(call.observation)
        if place.said & taken_up
    ]
    return any(
        image == other and place.holds_middle_of(text)
        for image, place in found
        for other, text in texts
    )


def _looks(trajectory: Trajectory) -> list[tuple[int, list[TurnRecord]]]:
    """(the last turn's place, its turns) of each look."""
    looks: list[tuple[int, list[TurnRecord]]] = []
    goes_on = False
    for at, turn in enumerate(trajectory.turns):
        if goes_on:
            looks[-1] = (at, [*looks[-1][1], turn])
        elif turn.calls:
            looks.append((at, [turn]))
        goes_on = any(call.error for call in turn.calls)
    return looks


def leaked_answer(trajectory: Trajectory, checks: ChecksSection) -> Iterator[str]:
    """The answer is in a thought or a call before an observation could have told it.

    An observation could have told it that has it, or shows an image; and of a number,
    one that has numbers. An answer that the question itself names cannot leak.
    """
    answers = [one for one in (trajectory.answer, trajectory.truth) if one]
    answers = [one for one in answers if not says(trajectory.question, one)]
    for at, turn in enumerate(trajectory.turns):
        if not turn.calls:
            continue  # the answer itself; `no_call` is about looking first
        for answer in dict.fromkeys(map(plain, answers)):
            if says(_written(turn), answer):
                yield f'turn {at + 1} says "{answer}"'
                return
        answers = [one for one in answers if not _could_tell(trajectory, at, one)]


RULES: tuple[Callable[[Trajectory, ChecksSection], Iterator[str]], ...] = (
    unanswered,
    unparseable,
    wrong_answer,
    no_call,
    invalid_call,
    repeated_call,
    unused_result,
    leaked_answer,
)


def likeness_key(trajectory: Trajectory) -> str:
    """The same for trajectories with the same question, images and calls."""
    images = [image.digest for image in trajectory.images if image.turn < 0]
    calls = [[call_key(call) for call in turn.calls] for turn in trajectory.turns]
    whole = json.dumps([plain(trajectory.question), images, calls])
    return hashlib.sha256(whole.encode()).hexdigest()


def call_key(call: CallRecord) -> str:
    """The same for calls that ask the same: spelled otherwise, too, where they succeeded."""
    asked = [call.tool, call.request] if call.request else [call.name, call.arguments]
    return json.dumps(asked, sort_keys=True)


def _is_mended(call: CallRecord, after: list[CallRecord]) -> bool:
    return any(not one.error and (not call.tool or one.tool == call.tool) for one in after)


def _made_image(trajectory: Trajectory, at: int) -> bool:
    return any(image.turn == at for image in trajectory.images)


def _told(turn: TurnRecord) -> frozenset[str]:
    told = (told_by(call.observation) for call in turn.calls if not call.error)
    return frozenset().union(*told)


def _written(turn: TurnRecord) -> str:
    """What the teacher wrote in a turn: its thought, and what its calls ask for."""
    asked = [json.dumps(call.arguments, ensure_ascii=False) for call in turn.calls]
    return "\n".join([turn.thought, *asked])


def _could_tell(trajectory: Trajectory, at: int, answer: str) -> bool:
    if _made_image(trajectory, at):
        return True
    made = [call.observation for call in trajectory.turns[at].calls if not call.error]
    if any(plain(answer) in plain(text) for text in made):
        return True
    return is_number(answer) and any(numbers(told_by(text)) for text in made)
