"""Asking a vision-language model behind an OpenAI-compatible endpoint about images.

vLLM, SGLang, llama.cpp, `transformers serve` and hosted models all speak it. What goes
wrong there is never the fault of whoever called the tool.
"""

from __future__ import annotations

import base64
import os
import random
import time
from collections.abc import Sequence
from contextlib import closing
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from thinkimg_rpc.errors import (
    DeadlineExceeded,
    InternalFault,
    MeshFault,
    Overloaded,
    Unavailable,
)
from thinkimg_rpc.imaging.codec import encode_jpeg, encode_png
from thinkimg_rpc.imaging.rgb import Pixels
from thinkimg_rpc.settings import CannotStart, ModelSettings

LONGEST_CALL_S = 120.0
"""For one question whose caller set no deadline."""
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 8.0
_MAX_PNG_BYTES = 4 << 20
"""A larger picture goes as JPEG: servers limit requests, often to 20 MB."""
_QUOTED_CHARACTERS = 300


class VisionEndpoint:
    """One model of one server. Thread-safe; connections are kept open between questions.

    Raises: CannotStart, when the settings do not name a server and a model.
    """

    def __init__(self, settings: ModelSettings) -> None:
        self.url = f"{settings.endpoint.rstrip('/')}/chat/completions"
        self.model = settings.endpoint_model
        if not settings.endpoint.startswith(("http://", "https://")):
            raise CannotStart(
                f'endpoint = "{settings.endpoint}" is no base URL; write it like '
                '"http://127.0.0.1:8000/v1"'
            )
        if not self.model:
            raise CannotStart(
                f"endpoint_model is not set; name a model that {settings.endpoint} serves"
            )
        self._key_variable = settings.endpoint_key_variable
        key = os.environ.get(self._key_variable, "")
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._client = httpx.Client(headers=headers)
        self._takes_temperature = True

    @property
    def name(self) -> str:
        """What answers, as shown to users."""
        return f"openai {self.model} at {httpx.URL(self.url).netloc.decode()}"

    def ask(self, prompt: str, images: Sequence[Pixels], *, timeout_s: float | None = None) -> str:
        """The model's answer to a text that follows the images, (H, W, 3) uint8 RGB each.

        An overloaded or failing server is asked again while the time lasts.

        Raises: Unavailable, Overloaded, DeadlineExceeded or InternalFault, with the
        server's own words.
        """
        question = self._question(prompt, images)
        end = time.monotonic() + (LONGEST_CALL_S if timeout_s is None else timeout_s)
        pause_s = _FIRST_PAUSE_S
        while True:
            response = self._post(question, end - time.monotonic())
            if response.is_success:
                return self._answer_in(response)
            if "temperature" in question and _refused_parameter(response) == "temperature":
                del question["temperature"]  # some hosted models have their own and no other
                self._takes_temperature = False
                continue
            fault = self._fault_of(response)
            if response.status_code != 429 and response.status_code < 500:
                raise fault
            wait_s = _retry_after_s(response)
            if wait_s is None:
                wait_s = pause_s * random.uniform(0.5, 1.0)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            if time.monotonic() + wait_s >= end:
                raise fault
            time.sleep(wait_s)

    def _question(self, prompt: str, images: Sequence[Pixels]) -> dict[str, Any]:
        pictures = [{"type": "image_url", "image_url": {"url": data_url(p)}} for p in images]
        content = [*pictures, {"type": "text", "text": prompt}]
        question = {"model": self.model, "messages": [{"role": "user", "content": content}]}
        return question | ({"temperature": 0} if self._takes_temperature else {})

    def _post(self, question: dict[str, Any], timeout_s: float) -> httpx.Response:
        if timeout_s <= 0:
            raise DeadlineExceeded(f"{self.name} did not answer in time")
        end = time.monotonic() + timeout_s
        too_late = DeadlineExceeded(f"{self.name} did not answer within {timeout_s:.3g} s")
        try:
            request = self._client.build_request("POST", self.url, json=question, timeout=timeout_s)
            response = self._client.send(request, stream=True)
            with closing(response):
                content = bytearray()
                for piece in response.iter_raw():
                    content += piece
                    if time.monotonic() > end:  # httpx bounds the wait for each piece only
                        raise too_late
            return httpx.Response(
                response.status_code, headers=response.headers, content=bytes(content)
            )
        except httpx.TimeoutException as error:
            raise too_late from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Unavailable(f"{self.name} cannot be reached: {error}") from error

    def _fault_of(self, response: httpx.Response) -> MeshFault:
        status = response.status_code
        said = f"{self.name} answered {status}: {_words_of(response)}"
        if status == 429:
            return Overloaded(said, retry_after_s=_retry_after_s(response) or 1.0)
        if status in (401, 403):
            return InternalFault(f"{said}; its key is taken from ${self._key_variable}")
        return Unavailable(said) if status >= 500 else InternalFault(said)

    def _answer_in(self, response: httpx.Response) -> str:
        try:
            answer = response.json()["choices"][0]["message"]["content"]
        except (ValueError, LookupError, TypeError):
            answer = None
        if not isinstance(answer, str):
            raise InternalFault(f"{self.name} answered without a text: {quoted(response.text)}")
        return answer


def data_url(pixels: Pixels) -> str:
    """(H, W, 3) uint8 RGB as a PNG in a URL; as a JPEG where that would be large."""
    kind, data = "png", encode_png(pixels)
    if len(data) > _MAX_PNG_BYTES:
        kind, data = "jpeg", encode_jpeg(pixels)
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def quoted(text: str) -> str:
    """A model's or server's own words, cut to what a message has room for."""
    text = " ".join(text.split())
    return f'"{text[:_QUOTED_CHARACTERS]}{"…" if len(text) > _QUOTED_CHARACTERS else ""}"'


def _words_of(response: httpx.Response) -> str:
    """The message of an error; servers put it in one of three places."""
    try:
        body = response.json()
        error = body.get("error", body)
        said = error if isinstance(error, str) else error.get("message") or error.get("detail")
    except (ValueError, AttributeError):
        said = None
    return quoted(said if isinstance(said, str) else response.text or response.reason_phrase)


def _refused_parameter(response: httpx.Response) -> str | None:
    """The parameter that a server does not take, where it says so as OpenAI does."""
    if response.status_code != 400:
        return None
    try:
        refused = response.json()["error"]["param"]
    except (ValueError, LookupError, TypeError):
        return None
    return refused if isinstance(refused, str) else None


def _retry_after_s(response: httpx.Response) -> float | None:
    """What `Retry-After` asks for: seconds, or the time until a date."""
    value = response.headers.get("Retry-After", "").strip()
    if value.isdecimal():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return None
