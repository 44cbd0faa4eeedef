"""Questions to an OpenAI-compatible endpoint, and whose fault it is when they fail."""

from __future__ import annotations

import base64
import json
import socket
import threading
import time
from contextlib import suppress
from email.utils import formatdate

import numpy as np
import pytest

from thinkimg_rpc.errors import (
    DeadlineExceeded,
    InternalFault,
    MeshFault,
    Overloaded,
    Unavailable,
)
from thinkimg_rpc.imaging.codec import decode
from thinkimg_rpc.settings import CannotStart, ModelSettings
from thinkimg_workers.vision_endpoint import VisionEndpoint, data_url

from .answering import noise
from .scripted_server import Reply, fails, says, scripted_server


def endpoint(url: str) -> VisionEndpoint:
    return VisionEndpoint(ModelSettings(endpoint=url, endpoint_model="eyes-2b"))


def pixels_in(url: str) -> np.ndarray:
    return decode(base64.b64decode(url.partition("base64,")[2]), max_pixels=1 << 30)


def test_the_images_and_then_the_text_reach_the_model_asked_for() -> None:
    first, second = noise(20, 10), noise(5, 30)
    with scripted_server(says("a bar")) as server:
        answer = endpoint(server.url).ask("What is it?", [first, second], timeout_s=10)
    assert answer == "a bar"
    assert server.paths == ["/v1/chat/completions"]
    (asked,) = server.asked
    assert asked["model"] == "eyes-2b"
    assert asked["temperature"] == 0
    (message,) = asked["messages"]
    *pictures, text = message["content"]
    assert text == {"type": "text", "text": "What is it?"}
    for part, pixels in zip(pictures, [first, second], strict=True):
        assert (pixels_in(part["image_url"]["url"]) == pixels).all()


def test_a_large_picture_goes_as_jpeg() -> None:
    assert data_url(noise(100, 100)).startswith("data:image/png;base64,")
    large = data_url(noise(1600, 1200))
    assert large.startswith("data:image/jpeg;base64,")
    assert pixels_in(large).shape == (1200, 1600, 3)


def test_the_key_is_taken_from_the_named_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EYES_KEY", "s3cret")
    with scripted_server(says("yes")) as server:
        settings = ModelSettings(
            endpoint=server.url, endpoint_model="eyes-2b", endpoint_key_variable="EYES_KEY"
        )
        VisionEndpoint(settings).ask("?", [], timeout_s=10)
        monkeypatch.delenv("EYES_KEY")
        VisionEndpoint(settings).ask("?", [], timeout_s=10)
    with_key, without = server.headers
    assert with_key["Authorization"] == "Bearer s3cret"
    assert "Authorization" not in without


def test_a_model_that_takes_no_temperature_is_asked_without() -> None:
    error = {"message": "Only the default (1) is supported.", "param": "temperature"}
    refusal = Reply(400, json.dumps({"error": error}))
    with scripted_server(refusal, says("a bar")) as server:
        asked = endpoint(server.url)
        assert asked.ask("?", [], timeout_s=10) == "a bar"
        assert asked.ask("?", [], timeout_s=10) == "a bar"
    assert ["temperature" in question for question in server.asked] == [True, False, False]


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses between attempts, which take no time."""
    taken: list[float] = []
    monkeypatch.setattr(time, "sleep", taken.append)
    return taken


def test_an_overloaded_server_is_asked_again_when_it_says(pauses: list[float]) -> None:
    busy = fails(429, "slow down", Retry_After="3")
    with scripted_server(busy, busy, says("a bar")) as server:
        assert endpoint(server.url).ask("?", [], timeout_s=60) == "a bar"
    assert pauses == [3.0, 3.0]


def test_a_time_to_come_back_may_be_a_date(pauses: list[float]) -> None:
    later = formatdate(time.time() + 20, usegmt=True)
    with scripted_server(fails(503, "restarting", Retry_After=later), says("a bar")) as server:
        assert endpoint(server.url).ask("?", [], timeout_s=60) == "a bar"
    assert 15 < pauses[0] <= 20


def test_a_failing_server_is_asked_again_less_and_less_often(pauses: list[float]) -> None:
    with scripted_server(fails(500, "oops"), Reply(502), says("a bar")) as server:
        assert endpoint(server.url).ask("?", [], timeout_s=60) == "a bar"
    assert len(pauses) == 2
    assert 0.25 <= pauses[0] <= 0.5 <= pauses[1] <= 1.0


def test_nobody_waits_longer_than_the_caller(pauses: list[float]) -> None:
    with (
        scripted_server(fails(429, "quota used up", Retry_After="30")) as server,
        pytest.raises(Overloaded, match='answered 429: "quota used up"') as caught,
    ):
        endpoint(server.url).ask("?", [], timeout_s=5)
    assert caught.value.retry_after_s == 30
    assert pauses == []


@pytest.mark.parametrize(
    ("reply", "fault", "words"),
    [
        (fails(400, "image too large"), InternalFault, "image too large"),
        (fails(401, "bad key"), InternalFault, r"bad key.*\$OPENAI_API_KEY"),
        (fails(404, "no model eyes-2b"), InternalFault, "no model eyes-2b"),
        (Reply(422, '{"detail": "wrong field"}'), InternalFault, "wrong field"),
        (Reply(400, '{"error": "as text"}'), InternalFault, "as text"),
        (Reply(400, "<html>proxy</html>"), InternalFault, "<html>proxy</html>"),
        (Reply(400, '["odd"]'), InternalFault, "odd"),
        (Reply(400, '{"error": null}'), InternalFault, "null"),
        (Reply(307, "", {"Location": "/"}), InternalFault, "307"),
        (Reply(200, "not json"), InternalFault, "without a text.*not json"),
        (Reply(200, "{}"), InternalFault, "without a text"),
        (Reply(200, '{"choices": []}'), InternalFault, "without a text"),
        (Reply(200, '{"choices": [{"message": null}]}'), InternalFault, "without a text"),
        (says(None), InternalFault, "without a text"),
    ],
)
def test_a_server_that_refuses_or_babbles_is_the_meshs_fault(
    reply: Reply, fault: type[MeshFault], words: str
) -> None:
    with scripted_server(reply) as server, pytest.raises(fault, match=words):
        endpoint(server.url).ask("?", [], timeout_s=30)
    assert len(server.asked) == 1


def test_a_server_that_keeps_failing_is_unavailable() -> None:
    with (
        scripted_server(fails(500, "out of memory")) as server,
        pytest.raises(Unavailable, match="out of memory"),
    ):
        endpoint(server.url).ask("?", [], timeout_s=0.3)


def test_a_server_that_is_not_there_is_unavailable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
    with pytest.raises(Unavailable, match=r"eyes-2b at 127\.0\.0\.1:\d+ cannot be reached"):
        endpoint(url).ask("?", [], timeout_s=5)


def test_a_server_that_says_nothing_exceeds_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        asked = endpoint(f"http://127.0.0.1:{silent.getsockname()[1]}/v1")
        with pytest.raises(DeadlineExceeded, match="did not answer within"):
            asked.ask("?", [], timeout_s=0.2)


def test_a_server_that_says_one_letter_at_a_time_exceeds_the_deadline() -> None:
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def dawdle() -> None:
            connection, _ = server.accept()
            with connection, suppress(ConnectionError):  # the client leaves first
                connection.recv(1)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
                while not stop.wait(0.02):
                    connection.send(b" ")

        thread = threading.Thread(target=dawdle)
        thread.start()
        asked = endpoint(f"http://127.0.0.1:{server.getsockname()[1]}/v1")
        with pytest.raises(DeadlineExceeded):
            asked.ask("?", [], timeout_s=0.3)
        stop.set()
        thread.join()


def test_a_server_that_breaks_off_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang_up() -> None:
            connection, _ = server.accept()
            connection.recv(1)
            connection.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        with pytest.raises(Unavailable):
            endpoint(f"http://127.0.0.1:{server.getsockname()[1]}/v1").ask("?", [], timeout_s=5)
        thread.join()


def test_many_threads_may_ask_at_once() -> None:
    with scripted_server(says("a bar")) as server:
        asked = endpoint(server.url)
        answers: list[str] = []
        threads = [
            threading.Thread(target=lambda: answers.append(asked.ask("?", [], timeout_s=20)))
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert answers == ["a bar"] * 8


@pytest.mark.parametrize(
    ("url", "model", "words"),
    [
        ("127.0.0.1:8000/v1", "eyes-2b", "no base URL"),
        ("http://127.0.0.1:8000/v1", "", "endpoint_model is not set"),
    ],
)
def test_settings_that_name_no_server_or_model_cannot_start(
    url: str, model: str, words: str
) -> None:
    with pytest.raises(CannotStart, match=words):
        VisionEndpoint(ModelSettings(endpoint=url, endpoint_model=model))


def test_its_name_says_which_model_and_server_but_no_secret() -> None:
    asked = endpoint("https://user:s3cret@example.com/v1/")
    assert asked.name == "openai eyes-2b at example.com"
    assert asked.url == "https://user:s3cret@example.com/v1/chat/completions"
