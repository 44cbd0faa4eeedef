"""What the episodes of a run need open: a mesh and a policy, each opened when first asked for."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from thinkimg_agent.coordinates import CoordinateSpace
from thinkimg_agent.dialects import DIALECTS, Dialect
from thinkimg_agent.policies.choice import PolicyOptions, open_policy
from thinkimg_eval.run.config import MeshSection, PolicyConfig, RunConfig
from thinkimg_eval.run.episodes import PolicyPool
from thinkimg_eval.run.ranks import Rank
from thinkimg_rpc.client import Mesh
from thinkimg_rpc.client.mesh import DEFAULT_ADDRESS
from thinkimg_rpc.errors import InvalidRequest, Unavailable
from thinkimg_rpc.serve.config import DEFAULT_CONFIG, find_config, load_config
from thinkimg_rpc.serve.own_mesh import own_mesh
from thinkimg_rpc.settings import TlsSettings

CONNECT_S = 2.0
LOOK_S = 0.5
"""For a mesh that was not asked for, and is used if it is there."""


class Surroundings:
    """The mesh and the policy of runs that ask for the same. All ranks ask in the same order."""

    def __init__(self, config: RunConfig, rank: Rank, say: Callable[[str], None]) -> None:
        self._config = config
        self._rank = rank
        self._say = say
        self._stack = AsyncExitStack()
        self._mesh: Mesh | None = None
        self._policies: PolicyPool | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    async def mesh(self) -> Mesh:
        """The mesh that has the tools. Raises: MeshFault; CannotStart."""
        if self._mesh is None:
            section = self._config.mesh
            address = await self._address(section) if self._rank.first else ""
            address = await self._rank.told_by_first(address)
            self._mesh = await self._stack.enter_async_context(_mesh(address, section, CONNECT_S))
        return self._mesh

    async def policies(self) -> PolicyPool:
        """The policy, at each of its servers. Raises: InvalidRequest; PolicyFault."""
        if self._policies is None:
            policy = self._config.policy
            opened = [
                await self._stack.enter_async_context(open_policy(policy.name, options))
                for options in _options(policy, self._config.seed or 0)
            ]
            self._policies = PolicyPool(opened)
        return self._policies

    async def _address(self, section: MeshSection) -> str:
        named = section.address or os.environ.get("THINKIMG_ADDRESS", "")
        if not section.serve:
            wanted = named or DEFAULT_ADDRESS
            try:
                async with _mesh(wanted, section, CONNECT_S if named else LOOK_S):
                    return wanted
            except Unavailable as error:
                if named:
                    raise Unavailable(f"{error}; or serve one for this run: --serve") from error
        path = find_config(None)
        self._say(
            f"serving a mesh for this run: {'the shipped one' if path == DEFAULT_CONFIG else path}"
        )
        return await self._stack.enter_async_context(own_mesh(load_config(path), say=self._say))


def dialect_of(policy: PolicyConfig) -> Dialect:
    """How the policy's turns are written. Raises: InvalidRequest, naming those there are."""
    spaces = {space.value: space for space in CoordinateSpace}
    for field, chosen, known in (
        ("policy.dialect", policy.dialect, DIALECTS),
        ("policy.coordinates", policy.coordinates, spaces),
    ):
        if chosen not in known:
            raise InvalidRequest.field(field, f'"{chosen}" is none of {", ".join(known)}')
    return DIALECTS[policy.dialect](spaces[policy.coordinates])


def _options(policy: PolicyConfig, seed: int) -> list[PolicyOptions]:
    """One for each server, or one."""
    return [
        PolicyOptions(
            dialect=dialect_of(policy),
            base_url=url,
            temperature=policy.temperature,
            seed=seed,
            max_image_pixels=policy.max_image_pixels,
            dtype=policy.dtype,
        )
        for url in policy.base_url or (None,)
    ]


def _mesh(address: str, section: MeshSection, connect_timeout_s: float) -> Mesh:
    tls = None
    # A mesh that is served for the run has none.
    if not section.serve and (section.tls_ca or section.tls_cert):
        tls = TlsSettings(ca=section.tls_ca, cert=section.tls_cert, key=section.tls_key)
    return Mesh(address, tls=tls, connect_timeout_s=connect_timeout_s)
