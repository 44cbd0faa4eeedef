"""Stage 1: the teacher writes down all calls it would make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from thinkimg_agent.conversation import Message, Part, numbered
from thinkimg_agent.coordinates import CoordinateSpace, coordinates_in_words
from thinkimg_agent.dialects.lenient_json import read_call, read_object
from thinkimg_agent.images import EpisodeImages
from thinkimg_agent.policies import Policy
from thinkimg_agent.reply import Unparseable
from thinkimg_agent.sample import Sample
from thinkimg_rpc.contract import ToolContract
from thinkimg_rpc.schema import prompt_text

MAX_TOKENS = 2048
_ASKED = """Plan how to answer the question about the image with tools. Do not answer it.

# Tools

{tools}

# Coordinates

{coordinates}

# How to write

One JSON object and nothing else:
{{"actions": [{{"name": "…", "arguments": {{…}}}}, …]}}
The actions are carried out one after another. The image of the question is img_1; an action
that makes an image adds img_2, and so on. Where an argument comes out of the result of an
earlier action, write a reference in its place: "$1.points.0.y" is the y of the first of the
points that action 1 gives, "$2.image" the image that action 2 makes. Plan no action whose
result is not needed."""


@dataclass(frozen=True)
class Step:
    """One planned call; strings that begin with $ stand for results of earlier ones."""

    name: str
    arguments: dict[str, Any] = field(hash=False)


@dataclass(frozen=True)
class Plan:
    """The calls of an episode before any of them is made."""

    steps: tuple[Step, ...]


async def plan_actions(
    sample: Sample, tools: Sequence[ToolContract], policy: Policy, space: CoordinateSpace
) -> str:
    """What the teacher writes when asked for a plan. Raises: PolicyFault; ContextFull."""
    images = EpisodeImages(policy.max_image_pixels)
    parts: list[Part] = []
    for data in sample.images:
        parts += numbered(await images.add(data))
    asked = _ASKED.format(tools=prompt_text(tools, space), coordinates=coordinates_in_words(space))
    conversation = [Message("system", (asked,)), Message("user", (*parts, sample.question))]
    return (await policy.generate(conversation, (), MAX_TOKENS)).text


def read_plan(text: str) -> Plan:
    """The plan in what a teacher wrote. Raises: Unparseable."""
    actions = read_object(text, "the plan").get("actions")
    if not isinstance(actions, list) or not actions:
        raise Unparseable('the plan needs "actions", a list of at least one')
    calls = [read_call(action, f"actions[{at}]") for at, action in enumerate(actions)]
    return Plan(tuple(Step(call.name, dict(call.arguments)) for call in calls))  # type: ignore[arg-type]
