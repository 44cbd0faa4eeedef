"""Finding a tool by the name a model wrote."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from thinkimg_rpc.contract.tool_contract import ToolContract
from thinkimg_rpc.errors import UnknownTool


def resolve(name: str, contracts: Iterable[ToolContract]) -> ToolContract:
    """The contract that has this name or alias.

    Raises: UnknownTool, naming tools that are spelt alike.
    """
    known = list(contracts)
    for contract in known:
        if contract.name == name:
            return contract
    for contract in known:
        if name in contract.aliases:
            return contract
    raise unknown_tool(name, [contract.name for contract in known])


def unknown_tool(name: str, known_names: Iterable[str]) -> UnknownTool:
    """The error for a tool that is not there, with the names that are near, or all."""
    known = sorted(set(known_names))
    asked = f'no tool named "{name[:80]}"'
    if not known:
        return UnknownTool(f"{asked}: the mesh has no tools yet")
    if near := near_names(name, known):
        return UnknownTool(f"{asked}: did you mean {' or '.join(near)}?")
    return UnknownTool(f"{asked}: the tools are {', '.join(known)}")


def near_names(name: str, known: Iterable[str], limit: int = 3) -> list[str]:
    """Those of `known` spelt like `name`, nearest first; case and underscores do not count.

    Else those that end in it, as `LINE_STYLE_DASHED` does in `dashed`.
    """
    asked = _fold(name[:80])
    folded = {_fold(candidate): candidate for candidate in known}
    near = difflib.get_close_matches(asked, folded, n=limit)
    near = near or [match for match in folded if asked and match.endswith(asked)][:limit]
    return [folded[match] for match in near]


def _fold(name: str) -> str:
    return name.casefold().replace("_", "").replace("-", "")
