"""Saying a recorded episode's turns again: with tools that have changed since, say."""

from __future__ import annotations

from thinkimg_agent.policies.policy import Generation
from thinkimg_agent.reply import WrittenCall
from thinkimg_agent.trajectory import Trajectory, TurnRecord


def turns_of(trajectory: Trajectory) -> list[Generation]:
    """What the policy said, turn by turn: the script of a `ScriptedPolicy`."""
    return [_generation(trajectory, turn) for turn in trajectory.turns]


def _generation(trajectory: Trajectory, turn: TurnRecord) -> Generation:
    context = trajectory.context_ids
    return Generation(
        text=turn.text,
        # Only a server's own calls have ids; the others are in the text.
        calls=tuple(
            WrittenCall(call.name, call.arguments, id=call.call_id)
            for call in turn.calls
            if call.call_id
        ),
        finish="length" if turn.finish == "length" else "stop",
        prompt_tokens=turn.prompt_tokens,
        completion_tokens=turn.completion_tokens,
        prompt_ids=None if context is None else tuple(context[: turn.prompt_tokens]),
        token_ids=None if turn.token_ids is None else tuple(turn.token_ids),
        logprobs=None if turn.logprobs is None else tuple(turn.logprobs),
    )
