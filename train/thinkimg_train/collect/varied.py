"""A teacher whose episodes are not all alike: other words, slips that it mends, detours."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from thinkimg_agent.conversation import Message
from thinkimg_agent.dialects import Dialect
from thinkimg_agent.images import EpisodeImage
from thinkimg_agent.policies import Generation, Policy
from thinkimg_agent.reply import Reply, Unparseable, WrittenCall
from thinkimg_rpc.contract import ToolContract
from thinkimg_train.collect.config import TeacherSection
from thinkimg_train.collect.slips import Frame, Slip, detour_before, mistake_in
from thinkimg_train.collect.wording import after_a_slip, in_other_words


class VariedTeacher:
    """Another policy's turns in one episode, varied by a seed.

    A slip takes the place of one call. The policy behind sees how that went, asks for
    the right call again, and its thought says what was wrong with the first. So that
    policy must be one that asks until it has what it needs, as a planner does.
    """

    def __init__(
        self, policy: Policy, dialect: Dialect, variation: TeacherSection, seed: str
    ) -> None:
        self.name = policy.name
        self.max_image_pixels = policy.max_image_pixels
        self.slips: list[str] = []
        """What has been done on purpose: "mistake in Crop"."""
        self._policy = policy
        self._dialect = dialect
        self._variation = variation
        self._seed = seed
        self._begin()

    def _begin(self) -> None:
        self._random = random.Random(self._seed)
        self._last: Slip | None = None
        self.slips.clear()
        self._to_come = {
            kind: self._random.random() < share
            for kind, share in (
                ("mistake", self._variation.mistakes),
                ("detour", self._variation.detours),
            )
        }

    async def generate(
        self, conversation: Sequence[Message], tools: Sequence[ToolContract], max_tokens: int
    ) -> Generation:
        if not any(message.role == "assistant" for message in conversation):
            self._begin()
        generation = await self._policy.generate(conversation, tools, max_tokens)
        try:
            reply = self._dialect.parse(generation.text, generation.calls)
        except Unparseable:
            return generation
        return self._written(self._varied(reply, conversation))

    def _varied(self, reply: Reply, conversation: Sequence[Message]) -> Reply:
        thought = reply.thought
        if self._random.random() < self._variation.wording:
            thought = in_other_words(thought, self._random)
        if self._last is not None:
            thought = after_a_slip(self._last.why, thought, self._random)
            self._last = None
            return replace(reply, thought=thought)
        slip = self._slip_in(reply.calls, conversation)
        calls = tuple(slip.wrong if slip and call is slip.right else call for call in reply.calls)
        if slip is not None:
            self._last = slip
            self.slips.append(f"{slip.kind} in {slip.right.name}")
        return replace(reply, thought=thought, calls=calls)

    def _slip_in(
        self, calls: Sequence[WrittenCall], conversation: Sequence[Message]
    ) -> Slip | None:
        """A slip in one of the calls, if one is to come and there is a way."""
        shown = _images_of(conversation)
        for kind, make in (("detour", detour_before), ("mistake", mistake_in)):
            if not self._to_come[kind]:
                continue
            for call in self._random.sample(calls, len(calls)):
                image = _image_of(call, shown)
                frame = None if image is None else Frame.of(image, self._dialect.space)
                if frame and (slip := make(call, frame, self._random)) is not None:
                    self._to_come[kind] = False
                    return slip
        return None

    def _written(self, reply: Reply) -> Generation:
        native = self._dialect.name == "native"
        return Generation(self._dialect.write(reply), reply.calls if native else ())


def _images_of(conversation: Sequence[Message]) -> dict[str, EpisodeImage]:
    return {
        part.name: part
        for message in conversation
        for part in message.parts
        if isinstance(part, EpisodeImage)
    }


def _image_of(call: WrittenCall, shown: dict[str, EpisodeImage]) -> EpisodeImage | None:
    if not isinstance(call.arguments, dict):
        return None
    return shown.get(str(call.arguments.get("image", "")))
