"""Any OpenAI-compatible server: vLLM, SGLang, `transformers serve`, hosted models."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from types import TracebackType
from typing import Any, Literal, Self

import openai
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from thinkimg_agent.conversation import Message, joined
from thinkimg_agent.coordinates import CoordinateSpace
from thinkimg_agent.images import EpisodeImage
from thinkimg_agent.policies.policy import ContextFull, Generation, PolicyFault
from thinkimg_agent.policies.server_parameters import ServerParameters
from thinkimg_agent.reply import WrittenCall
from thinkimg_rpc.contract import ToolContract
from thinkimg_rpc.schema import openai_tools

MAX_IMAGE_PIXELS = 1 << 20
CONTEXT_FULL = re.compile(
    r"context.?(length|window)|maximum (number of tokens|model length|allowed length)",
    re.IGNORECASE,
)
"""As OpenAI, vLLM, SGLang and Gemini say it."""
_PAUSE_S = 0.5
"""Before an answer that came, but broken, is asked for anew."""
_QUOTED_CHARACTERS = 300


@dataclass(frozen=True)
class Sampling:
    """How turns are sampled; None leaves it to the server."""

    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    logprobs: bool = False
    """Ask for the sampled tokens' log-probabilities; not every server has them."""
    stream: bool = False
    """Take the turn piece by piece, for servers that cut long silences off."""


class OpenAIPolicy:
    """One model of one server, shared by all episodes.

    With `native_tools` the server is given the tools, told of in `coordinates`, and
    takes calls out of the text itself; else calls are the dialect's business. Overload,
    a `Retry-After` and lost connections are waited out and tried again, `max_retries`
    times.
    """

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        native_tools: bool = False,
        coordinates: CoordinateSpace = CoordinateSpace.PIXELS,
        sampling: Sampling = Sampling(),
        max_image_pixels: int = MAX_IMAGE_PIXELS,
        max_retries: int = 6,
        timeout_s: float = 300.0,
    ) -> None:
        self.name = f"openai:{model}"
        self.max_image_pixels = max_image_pixels
        self._model = model
        self._native_tools = native_tools
        self._coordinates = coordinates
        self._sampling = sampling
        self._parameters = ServerParameters()
        self._turnstile = asyncio.Lock()
        self._client = openai.AsyncOpenAI(
            base_url=base_url,
            # A local server wants no key, but the library wants one to send.
            api_key=api_key or "none",
            max_retries=max_retries,
            timeout=timeout_s,
        )

    async def generate(
        self, conversation: Sequence[Message], tools: Sequence[ToolContract], max_tokens: int
    ) -> Generation:
        # Making up and sending a request takes a millisecond of the event loop. Episodes
        # that ask at the same instant take it one by one, and what else waits goes between.
        async with self._turnstile:
            await asyncio.sleep(0)
        request: dict[str, Any] = {
            "model": self._model,
            "messages": [_message(message) for message in conversation],
            "max_tokens": max_tokens,
            **self._options(),
        }
        if self._native_tools and tools:
            request["tools"] = _tools(tuple(tools), self._coordinates)
        try:
            return await self._turn(request)
        except openai.BadRequestError as error:
            if CONTEXT_FULL.search(error.response.text):
                raise ContextFull(_words(error)) from error
            raise PolicyFault(f"{self.name} refuses the request: {_words(error)}") from error
        except (openai.OpenAIError, json.JSONDecodeError) as error:
            raise PolicyFault(f"{self.name}: {_words(error)}") from error

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._client.close()

    async def _ask(self, request: dict[str, Any]) -> Any:
        """What `chat.completions.create` does, without its walk through every part of the
        conversation: that holds the event loop longer than all else of a turn together."""
        return await self._client.post(
            "/chat/completions",
            body=request,
            cast_to=ChatCompletion,
            stream=self._sampling.stream,
            stream_cls=openai.AsyncStream[ChatCompletionChunk],
        )

    async def _turn(self, request: dict[str, Any]) -> Generation:
        """One turn; an answer that broke off, or is none, is asked for anew.

        Where no answer comes at all, the library has tried again already.
        """
        for left in range(self._client.max_retries, -1, -1):
            try:
                answer = await self._ask_as_it_takes_it(request)
                turn = await _gathered(answer) if self._sampling.stream else _generation(answer)
                return turn if self._native_tools else _with_calls_in_its_text(turn)
            except (json.JSONDecodeError, PolicyFault):
                if not left:
                    raise
            await asyncio.sleep(_PAUSE_S)
        raise AssertionError("unreachable")

    async def _ask_as_it_takes_it(self, request: dict[str, Any]) -> Any:
        while True:
            asked = self._parameters.of(request)
            try:
                return await self._ask(asked)
            except openai.BadRequestError as refusal:
                if not self._parameters.learn(refusal, asked):
                    raise

    def _options(self) -> dict[str, Any]:
        sampling = self._sampling
        options: dict[str, Any] = {
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "seed": sampling.seed,
        }
        if sampling.logprobs:
            options["logprobs"] = True
        if sampling.stream:
            options |= {"stream": True, "stream_options": {"include_usage": True}}
        return {name: value for name, value in options.items() if value is not None}


@lru_cache(maxsize=64)
def _tools(contracts: tuple[ToolContract, ...], space: CoordinateSpace) -> list[dict[str, Any]]:
    """The same for every turn. Shared: do not change it."""
    return openai_tools(contracts, space)


def _message(message: Message) -> dict[str, Any]:
    if message.role == "assistant":
        said: dict[str, Any] = {"role": "assistant", "content": message.text or None}
        if message.calls:
            said["tool_calls"] = [_call_back(call) for call in message.calls]
        return said
    if message.role == "tool":
        return {"role": "tool", "tool_call_id": message.call_id, "content": message.text}
    if message.role == "system":
        return {"role": "system", "content": message.text}
    return {"role": "user", "content": [_part(part) for part in joined(message.parts)]}


def _part(part: str | EpisodeImage) -> dict[str, Any]:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    return {"type": "image_url", "image_url": {"url": part.shown_url}}


def _call_back(call: WrittenCall) -> dict[str, Any]:
    return {
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": _arguments_back(call.arguments)},
    }


def _arguments_back(arguments: dict[str, Any] | str) -> str:
    """Always JSON: most servers parse what they handed on unread before."""
    if not isinstance(arguments, str):
        return json.dumps(arguments)
    try:
        return arguments if isinstance(json.loads(arguments), dict) else _wrapped(arguments)
    except ValueError:
        return _wrapped(arguments)


def _wrapped(malformed: str) -> str:
    return json.dumps({"malformed": malformed})


def _generation(completion: Any) -> Generation:
    """Raises: PolicyFault, when the server answered with something else than a turn."""
    try:
        choice = completion.choices[0]
        said = choice.message
        calls = tuple(
            WrittenCall(call.function.name, call.function.arguments, id=call.id or _id(number))
            for number, call in enumerate(said.tool_calls or ())
        )
        usage = completion.usage
        return Generation(
            text=said.content or "",
            calls=calls,
            finish=_finish(choice.finish_reason),
            prompt_tokens=usage.prompt_tokens if usage else 0,
            completion_tokens=usage.completion_tokens if usage else 0,
            logprobs=_logprobs(choice.logprobs),
        )
    except (AttributeError, LookupError, TypeError) as error:
        raise PolicyFault(f"the server answered with no turn: {_cut(completion)}") from error


def _with_calls_in_its_text(turn: Generation) -> Generation:
    """Some servers, `transformers serve` one of them, take `<tool_call>` out of the text
    whether there were tools or not: it goes back to where a dialect looks for it."""
    if not turn.calls:
        return turn
    lines = [turn.text.rstrip()] if turn.text.strip() else []
    for call in turn.calls:
        written = f'{{"name": {json.dumps(call.name)}, "arguments": {call.arguments}}}'
        lines.append(f"<tool_call>\n{written}\n</tool_call>")
    return replace(turn, text="\n".join(lines), calls=())


@dataclass
class _CallPieces:
    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass
class _TurnPieces:
    """A turn as it comes in."""

    text: str = ""
    calls: dict[int, _CallPieces] = field(default_factory=dict)
    logprobs: list[float] = field(default_factory=list)
    finish: str | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def add(self, chunk: Any) -> None:
        if chunk.usage:
            self.prompt_tokens = chunk.usage.prompt_tokens
            self.completion_tokens = chunk.usage.completion_tokens
        for choice in chunk.choices:
            self.text += choice.delta.content or ""
            self.finish = choice.finish_reason or self.finish
            self.logprobs += _logprobs(getattr(choice, "logprobs", None)) or ()
            for piece in choice.delta.tool_calls or ():
                call = self.calls.setdefault(piece.index, _CallPieces())
                call.id = piece.id or call.id
                call.name += (piece.function and piece.function.name) or ""
                call.arguments += (piece.function and piece.function.arguments) or ""


async def _gathered(chunks: AsyncIterator[Any]) -> Generation:
    """Raises: PolicyFault, when the stream ends before the turn does."""
    turn = _TurnPieces()
    try:
        async for chunk in chunks:
            turn.add(chunk)
    except openai.APIError as error:
        raise PolicyFault(f"the server broke its stream off: {_words(error)}") from error
    if turn.finish is None:
        raise PolicyFault("the server ended its stream in the middle of a turn")
    return Generation(
        text=turn.text,
        calls=tuple(
            WrittenCall(call.name, call.arguments, id=call.id or _id(number))
            for number, call in sorted(turn.calls.items())
        ),
        finish=_finish(turn.finish),
        prompt_tokens=turn.prompt_tokens,
        completion_tokens=turn.completion_tokens,
        logprobs=tuple(turn.logprobs) or None,
    )


def _id(number: int) -> str:
    """For a server that names no ids, but wants each result under its call's."""
    return f"call_{number}"


def _finish(reason: str | None) -> Literal["stop", "length"]:
    return "length" if reason == "length" else "stop"


def _logprobs(logprobs: Any) -> tuple[float, ...] | None:
    tokens = getattr(logprobs, "content", None)
    return tuple(token.logprob for token in tokens) if tokens else None


def _words(error: Exception) -> str:
    """What went wrong, in one line and in the server's own words if it has any."""
    if isinstance(error, openai.APIStatusError) and error.response.text:
        return _cut(f"{error.status_code} {error.response.text}")
    return _cut(error) if str(error) else type(error).__name__


def _cut(said: object) -> str:
    text = " ".join(str(said).split())
    return text if len(text) <= _QUOTED_CHARACTERS else f"{text[:_QUOTED_CHARACTERS]}…"
