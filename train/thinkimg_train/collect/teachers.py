"""Who makes a try at a question: the same teacher, never twice in the same way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import msgspec

from thinkimg_agent.policies import Policy
from thinkimg_eval.run.episodes import PolicyPool
from thinkimg_eval.run.ranks import Rank
from thinkimg_eval.run.surroundings import Surroundings, dialect_of
from thinkimg_train.collect.checks import Reason
from thinkimg_train.collect.config import CollectConfig, TeacherSection
from thinkimg_train.collect.varied import VariedTeacher

_STEADY = frozenset({"planner", "scripted"})
"""Kinds that give one answer to one question, always."""
_SEEDS_APART = 1_000_003
PLAIN = TeacherSection(wording=0.0, mistakes=0.0, detours=0.0)


@dataclass(frozen=True)
class Teacher:
    """The policies for one try, and what they do on purpose in it."""

    policies: PolicyPool
    slips: Sequence[str] = ()
    """Known when the episode is over."""


class Teachers:
    """The policy of a collection, opened as often as its tries must differ."""

    def __init__(self, config: CollectConfig, say: Callable[[str], None]) -> None:
        self._config = config
        self._kind = config.policy.name.partition(":")[0]
        self._say = say
        self._stack = AsyncExitStack()
        self._opened: dict[int, PolicyPool] = {}
        self._opening = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    def worth_a_try(self, attempt: int, before: Sequence[Reason]) -> bool:
        """Whether a try may go otherwise than those before it; `before`: why the last failed."""
        if attempt == 0:
            return True
        if self._kind in _STEADY:
            wrong = any(reason.rule in ("wrong_answer", "unanswered") for reason in before)
            return self._is_varied and not wrong
        return self._is_endpoint or self._config.policy.temperature > 0

    async def for_try(self, index: int, attempt: int) -> Teacher:
        """Raises: InvalidRequest; PolicyFault, when the policy cannot be opened."""
        number = attempt if self._is_endpoint else 0
        async with self._opening:
            if number not in self._opened:
                self._opened[number] = await self._open(number)
        pool = self._opened[number]
        if not self._is_varied:
            return Teacher(pool)
        seed = f"{self._config.seed or 0}/{index}/{attempt}"
        with pool.least_busy() as server:
            varied = self._varied(server.policy, seed)
        return Teacher(PolicyPool([varied]), varied.slips)

    @property
    def _is_endpoint(self) -> bool:
        return self._kind == "openai"

    @property
    def _is_varied(self) -> bool:
        """Slips are for teachers that ask again until they have what they need."""
        return self._kind == "planner" and self._config.teacher != PLAIN

    def _varied(self, policy: Policy, seed: str) -> VariedTeacher:
        dialect = dialect_of(self._config.policy)
        return VariedTeacher(policy, dialect, self._config.teacher, seed)

    async def _open(self, number: int) -> PolicyPool:
        config = self._config
        if number:
            hot = max(config.policy.temperature, config.retry_temperature)
            config = msgspec.structs.replace(
                config,
                policy=msgspec.structs.replace(config.policy, temperature=hot),
                seed=(config.seed or 0) + number * _SEEDS_APART,
            )
        opened = await self._stack.enter_async_context(Surroundings(config, Rank(), self._say))
        return await opened.policies()
