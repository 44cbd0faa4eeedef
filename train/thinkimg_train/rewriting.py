"""Episodes said again in another dialect: a teacher's native calls as text that a model of
one's own can write, say."""

from __future__ import annotations

from functools import lru_cache

import msgspec

from thinkimg_agent.coordinates import CoordinateSpace
from thinkimg_agent.dialects import DIALECTS, Dialect
from thinkimg_agent.reply import Unparseable, WrittenCall
from thinkimg_agent.trajectory import Trajectory, TurnRecord
from thinkimg_rpc import v1
from thinkimg_rpc.contract import ToolContract, in_file
from thinkimg_train.bad_data import BadSample


def in_dialect(trajectory: Trajectory, name: str) -> Trajectory:
    """The same episode, with its system prompt and its turns as another dialect has them.

    Tokens and log-probabilities are no longer those of the turns, and are left out.

    Raises: BadSample, for a turn that is not in its own dialect, or an unknown tool.
    """
    if trajectory.dialect == name:
        return trajectory
    space = CoordinateSpace(trajectory.coordinates)
    old, new = DIALECTS[trajectory.dialect](space), DIALECTS[name](space)
    contracts = [_contract(tool) for tool in trajectory.tools]
    return msgspec.structs.replace(
        trajectory,
        dialect=name,
        system=new.instructions(contracts),
        turns=[_said_in(new, old, turn) for turn in trajectory.turns],
        context_ids=None,
        sampled=None,
    )


def _said_in(new: Dialect, old: Dialect, turn: TurnRecord) -> TurnRecord:
    calls = [
        WrittenCall(call.name, call.arguments, id=call.call_id)
        for call in turn.calls
        if call.call_id
    ]
    if any(isinstance(call.arguments, str) for call in calls):
        raise BadSample("rewriting", "it has a call whose arguments are no JSON object")
    try:
        reply = old.parse(turn.text, calls)
    except Unparseable as error:
        raise BadSample("rewriting", f"it has a turn that cannot be parsed: {error}") from error
    return msgspec.structs.replace(
        turn,
        text=new.write(reply),
        calls=[msgspec.structs.replace(call, call_id="") for call in turn.calls],
        token_ids=None,
        logprobs=None,
    )


def _contract(tool: str) -> ToolContract:
    found = shipped_contracts().get(tool)
    if found is None:
        raise BadSample("rewriting", f'the tool "{tool}" is not one of those that come along')
    return found


@lru_cache(maxsize=1)
def shipped_contracts() -> dict[str, ToolContract]:
    """Those of the tools that come along, by their names."""
    files = {
        file.name: file
        for value in vars(v1).values()
        if (file := getattr(getattr(value, "DESCRIPTOR", None), "file", None)) is not None
    }
    return {contract.name: contract for file in files.values() for contract in in_file(file)}
