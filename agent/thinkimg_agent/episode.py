"""The loop: a policy looks, calls tools, looks at what came back, and answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from thinkimg_agent import messages
from thinkimg_agent.conversation import Message
from thinkimg_agent.dialects import Dialect
from thinkimg_agent.images import EpisodeImages
from thinkimg_agent.policies.policy import ContextFull, Generation, Policy, PolicyFault
from thinkimg_agent.recording import OnTurn, Recording
from thinkimg_agent.reply import Unparseable
from thinkimg_agent.sample import Sample
from thinkimg_agent.tool_calls import ImageTools, ToolCaller
from thinkimg_agent.trajectory import StopReason, Trajectory
from thinkimg_rpc.contract import ToolContract
from thinkimg_rpc.errors import MeshFault


@dataclass(frozen=True)
class Limits:
    """When an episode ends without an answer."""

    max_turns: int = 10
    max_context_tokens: int = 32768
    """Of the whole episode, prompt and images included, where the policy counts them."""
    max_turn_tokens: int = 2048
    """Of one turn."""
    max_images: int = 24
    """The sample's included; no turn follows the one that goes beyond."""
    max_unparseable: int = 3
    """Turns in a row."""
    deadline_s: float = 600.0
    tool_timeout_s: float = 60.0


async def run_episode(
    sample: Sample,
    policy: Policy,
    mesh: ImageTools,
    limits: Limits,
    *,
    dialect: Dialect,
    tools: Sequence[ToolContract],
    on_turn: OnTurn = lambda turn: None,
) -> Trajectory:
    """Let a policy answer a question with the tools, and record all of it.

    What the policy gets wrong, it is shown and can mend. What the mesh or the
    policy's own server gets wrong it never sees: the episode ends as ABORTED.

    Raises: InvalidImage, when an image of the sample is none.
    """
    images = EpisodeImages(_most_pixels(sample, policy))
    caller = ToolCaller(mesh, tools, images, dialect.space, timeout_s=limits.tool_timeout_s)
    conversation = await _opening(sample, images, dialect, tools)
    recording = Recording(sample, policy.name, dialect, tools, conversation, images, on_turn)
    unparseable = 0
    try:
        async with asyncio.timeout(limits.deadline_s) as deadline:
            while (stop := recording.limit_reached(limits)) is None:
                recording.finish_turn()
                started = time.perf_counter()
                room = recording.room_for_turn(limits)
                generation = await policy.generate(conversation, tools, room)
                turn = recording.turn(generation, time.perf_counter() - started)
                if generation.finish == "length":
                    return recording.end(StopReason.TOKEN_LIMIT, "the turn was cut off")
                conversation.append(_said(generation))
                try:
                    reply = dialect.parse(generation.text, generation.calls)
                except Unparseable as problem:
                    turn.problem = str(problem)
                    unparseable += 1
                    if unparseable >= limits.max_unparseable:
                        return recording.end(StopReason.UNPARSEABLE, turn.problem)
                    conversation.append(messages.problem(str(problem)))
                    continue
                unparseable = 0
                turn.thought = reply.thought
                if reply.answer is not None:
                    return recording.end(StopReason.ANSWERED, answer=reply.answer)
                observed = await caller.call_all(reply.calls)
                recording.calls(turn, observed)
                conversation += messages.observations(dialect, reply, observed)
    except TimeoutError:
        if not deadline.expired():  # then it is a policy's own, and no limit of ours
            raise
        return recording.end(StopReason.DEADLINE, f"over {limits.deadline_s:g} s")
    except ContextFull as full:
        return recording.end(StopReason.TOKEN_LIMIT, str(full))
    except (MeshFault, PolicyFault) as fault:
        return recording.end(StopReason.ABORTED, str(fault))
    return recording.end(stop)


def _most_pixels(sample: Sample, policy: Policy) -> int:
    """Of one image, that this policy is shown in an episode of this sample."""
    if sample.max_image_pixels is None:
        return policy.max_image_pixels
    return min(sample.max_image_pixels, policy.max_image_pixels)


async def _opening(
    sample: Sample, images: EpisodeImages, dialect: Dialect, tools: Sequence[ToolContract]
) -> list[Message]:
    added = [await images.add(data) for data in sample.images]
    return messages.opening(dialect.instructions(tools), added, sample.question)


def _said(generation: Generation) -> Message:
    return Message(
        "assistant", (generation.text,), calls=generation.calls, token_ids=generation.token_ids
    )
