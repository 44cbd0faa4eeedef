"""Tools under other names and in other words, so that a policy learns to read what a tool does
instead of knowing it by its name (AdaReasoner, arXiv 2601.18631, section on generalisation)."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Sequence

from thinkimg_eval.run.config import NamingSection
from thinkimg_rpc.contract import ToolContract
from thinkimg_rpc.errors import InvalidRequest

_CONSONANTS, _VOWELS = "bdfgklmnprstvz", "aeiou"


def renamed(
    contracts: Sequence[ToolContract], section: NamingSection, seed: str
) -> list[ToolContract]:
    """The tools as one question is asked with them: as they are, or all otherwise.

    Called under their new names, they do what they did.
    """
    dice = random.Random(seed)
    if dice.random() >= section.share:
        return list(contracts)
    names: list[str] = []
    for contract in contracts:
        known = section.names.get(contract.name, ())
        names.append(_name(known, names, section.syllables, dice))
    offered = [
        dataclasses.replace(
            contract,
            name=name,
            aliases=(),
            description=dice.choice(
                section.descriptions.get(contract.name, ()) or (contract.description,)
            ),
        )
        for contract, name in zip(contracts, names, strict=True)
    ]
    dice.shuffle(offered)
    return offered


def check_naming(section: NamingSection, contracts: Sequence[ToolContract]) -> None:
    """Raises: InvalidRequest, when it names a tool that is not offered."""
    offered = [contract.name for contract in contracts]
    for field, table in (("names", section.names), ("descriptions", section.descriptions)):
        for name in table:
            if name not in offered:
                raise InvalidRequest.field(
                    f"naming.{field}.{name}",
                    f"there is no such tool here; there are {', '.join(offered)}",
                )


def own_names(offered: Sequence[ToolContract], contracts: Sequence[ToolContract]) -> dict[str, str]:
    """What each offered tool is called in the mesh."""
    names = {contract.method: contract.name for contract in contracts}
    return {one.name: names[one.method] for one in offered}


def _name(known: Sequence[str], taken: Sequence[str], syllables: int, dice: random.Random) -> str:
    """One of those that are known, or of no language."""
    free = [name for name in known if name not in taken]
    if free:
        return dice.choice(free)
    while True:
        letters = (dice.choice(_CONSONANTS) + dice.choice(_VOWELS) for _ in range(syllables))
        name = "".join(letters).capitalize()
        if name not in taken:
            return name
