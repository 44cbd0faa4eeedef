"""The episodes that a step learns from: played, awaited where tools failed, and refilled."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from accelerate.utils import gather_object

from thinkimg_eval.run.ranks import Rank
from thinkimg_rpc.errors import Unavailable
from thinkimg_train.distribution import Stepper
from thinkimg_train.grpo_config import GrpoConfig, PauseSection
from thinkimg_train.rollouts.judging import JudgedGroup, judged
from thinkimg_train.rollouts.loop import LoopThread
from thinkimg_train.rollouts.playing import Group, Player
from thinkimg_train.rollouts.questions import Order, share_of, shares_of

LONGEST_WAIT_S = 300.0


@dataclass(frozen=True)
class Gathered:
    """Of one step, of this process."""

    groups: list[JudgedGroup]
    """To learn from."""
    replaced: list[JudgedGroup]
    """Those that others were played in place of."""
    paused_s: float

    @property
    def played(self) -> list[JudgedGroup]:
        return [*self.groups, *self.replaced]


@dataclass(frozen=True)
class _Round:
    """Groups of this process that are being played."""

    groups: asyncio.Task[list[Group]]
    next_draw: int
    """The first question that comes after them."""


class Gatherer:
    """Gathers the episodes of step after step. All processes call it alike."""

    def __init__(
        self,
        config: GrpoConfig,
        loop: LoopThread,
        player: Player,
        order: Order,
        stepper: Stepper,
        rank: Rank,
        *,
        say: Callable[[str], None],
    ) -> None:
        self._config = config
        self._loop = loop
        self._player = player
        self.order = order
        self._stepper = stepper
        self._rank = rank.number
        self._shares = shares_of(config.rollout.groups, rank.count)
        self._say = say
        self.next_draw = 0
        """The first question that no step has gathered yet; the same in all processes."""
        self._ahead: _Round | None = None

    @property
    def has_begun(self) -> bool:
        """Whether the next groups are being played."""
        return self._ahead is not None

    def begin(self) -> None:
        """Begin to play the next groups; `gather` waits for them."""
        self._ahead = self._begin(self._shares[self._rank])

    def close(self) -> None:
        """Leave what was begun and is not gathered any more."""
        if self._ahead is not None:
            self._loop.cancel(self._ahead.groups)
            self._ahead = None

    def gather(self) -> Gathered:
        """The groups that were begun, and further ones where the configuration wants them.

        Raises: InvalidRequest, when a sample is no good; ScorerFailed; Unavailable, when tools
        keep failing.
        """
        wanted = self._shares[self._rank]
        begun, self._ahead = self._ahead or self._begin(wanted), None
        found, paused_s = self._finish(begun)
        if not self._config.rollout.refills:
            return Gathered(found, [], paused_s)
        teaching = [one for one in found if one.teaches]
        rest = [one for one in found if not one.teaches]
        for _ in range(self._config.rollout.refills):
            missing = wanted - len(teaching)
            if not self._sum(missing):
                break
            more, further_s = self._finish(self._begin(missing))
            paused_s += further_s
            teaching += [one for one in more if one.teaches]
            rest += [one for one in more if not one.teaches]
        return Gathered(teaching, rest, paused_s)

    def _begin(self, wanted: int) -> _Round:
        """So many groups of this process."""
        everyone = gather_object([wanted])
        drawn, next_draw = self.order.take(self.next_draw, sum(everyone))
        questions = share_of(drawn, everyone, self._rank)
        return _Round(self._loop.begin(self._player.play(questions)), next_draw)

    def _finish(self, begun: _Round) -> tuple[list[JudgedGroup], float]:
        """The groups, and the seconds that tools were waited for."""
        groups = self._loop.finish(begun.groups)
        self.next_draw = begun.next_draw
        paused_s = self._await_aborted(groups)
        update = self._config.update
        found = [judged(one, self._config.reward, update.advantages) for one in groups]
        for index, rate in gather_object(_pass_rates(found)):
            self.order.pass_rates[index] = rate
        return found, paused_s

    def _await_aborted(self, groups: Sequence[Group]) -> float:
        """Play aborted episodes again until few enough are left; the seconds that took.

        Raises: Unavailable.
        """
        pause, began, paused_s = self._config.pause, time.monotonic(), 0.0
        wait_s = pause.wait_s
        while (share := self._aborted_share(groups)) > pause.above_share:
            if self._sum(paused_s > pause.give_up_s):
                raise Unavailable(_given_up(share, pause, _problem(groups)))
            self._say(
                f"paused: {share:.0%} of the episodes were aborted, and learning from the others "
                f"would favour those without tools ({_problem(groups)}); "
                f"they are tried again in {wait_s:g} s"
            )
            time.sleep(wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)
            self._loop.run(self._player.play_aborted_again(groups))
            paused_s = time.monotonic() - began
        if paused_s:
            self._say(f"going on after {paused_s:.0f} s")
        return paused_s

    def _aborted_share(self, groups: Sequence[Group]) -> float:
        """Of the episodes of all processes."""
        aborted = self._sum(sum(one.aborted for group in groups for one in group.episodes))
        return aborted / max(1.0, self._sum(sum(len(group.episodes) for group in groups)))

    def _sum(self, value: float) -> float:
        """Over all processes."""
        here = torch.tensor(float(value), dtype=torch.float64, device=self._stepper.device)
        return float(self._stepper.sum_over_all(here))


def _pass_rates(groups: Sequence[JudgedGroup]) -> list[tuple[int, float]]:
    """The index of each question, and the mean score of its episodes."""
    rates = []
    for one in groups:
        kept = [
            episode.trajectory.score or 0.0
            for episode, reward in zip(one.group.episodes, one.rewards, strict=True)
            if reward is not None
        ]
        if kept:
            rates.append((one.group.question.index, sum(kept) / len(kept)))
    return rates


def _problem(groups: Sequence[Group]) -> str:
    details = [
        one.trajectory.stop_detail for group in groups for one in group.episodes if one.aborted
    ]
    return max(details, key=details.count, default="in other processes")


def _given_up(share: float, pause: PauseSection, problem: str) -> str:
    return (
        f"{share:.0%} of the episodes were aborted for {pause.give_up_s:g} s: {problem}; "
        "the same command goes on once that is mended"
    )
