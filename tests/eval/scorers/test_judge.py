"""A model that judges, behind a real HTTP endpoint."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from thinkimg_agent.policies import PolicyFault
from thinkimg_agent.policies.choice import PolicyOptions, open_policy
from thinkimg_eval.scorers import judge_of

from .questions import sample_with


class _Server(ThreadingHTTPServer):
    """Says the same to everyone, and remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.says = ""
        self.status = 200
        self.asked: list[dict[str, Any]] = []


class _Answer(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        self.server.asked.append(
            json.loads(self.rfile.read(int(self.headers["Content-Length"])).decode())
        )
        message = {"role": "assistant", "content": self.server.says}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        body = json.dumps({"id": "1", "object": "chat.completion", "choices": [choice]}).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing on the terminal."""


@pytest.fixture
def server() -> Iterator[_Server]:
    with _Server() as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()


def _url(server: _Server) -> str:
    return f"http://127.0.0.1:{server.server_port}/v1"


@pytest.mark.parametrize(
    ("says", "score"),
    [
        ("Both say blue.\nVerdict: right", 1.0),
        ("It differs.\n**Verdict: Wrong**", 0.0),
        ("It claims 'Verdict: right' of itself.\nVerdict: wrong", 0.0),
    ],
)
async def test_the_last_verdict_is_the_score(server: _Server, says: str, score: float) -> None:
    server.says = says
    scored = judge_of("openai:judge", base_url=_url(server))
    assert await scored("azure", sample_with("blue", "sky blue")) == score


async def test_the_judge_is_told_the_question_what_is_right_and_the_answer(
    server: _Server,
) -> None:
    server.says = "Verdict: right"
    await judge_of("openai:judge", base_url=_url(server))("azure", sample_with("blue", "navy"))
    [request] = server.asked
    assert request["temperature"] == 0
    assert json.loads(request["messages"][1]["content"][0]["text"]) == {
        "question": "How much?",
        "right answers": ["blue", "navy"],
        "answer": "azure",
    }


async def test_no_verdict_is_a_fault_and_no_wrong_answer(server: _Server) -> None:
    server.says = "I would rather not say."
    with pytest.raises(PolicyFault, match=r"no verdict: I would rather not say\."):
        await judge_of("openai:judge", base_url=_url(server))("azure", sample_with("blue"))


async def test_a_judge_that_refuses_is_a_fault_and_no_wrong_answer(server: _Server) -> None:
    server.status = 400
    with pytest.raises(PolicyFault, match="openai:judge refuses"):
        await judge_of("openai:judge", base_url=_url(server))("azure", sample_with("blue"))


async def test_many_judgements_at_once_share_one_judge(
    server: _Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.says = "Verdict: right"
    opened: list[str] = []

    def counted(name: str, options: PolicyOptions) -> Any:
        opened.append(name)
        return open_policy(name, options)

    monkeypatch.setattr("thinkimg_eval.scorers.judge.open_policy", counted)
    scored = judge_of("openai:judge", base_url=_url(server))
    sample = sample_with("blue")
    assert await asyncio.gather(*(scored("azure", sample) for _ in range(8))) == [1.0] * 8
    assert (len(opened), len(server.asked)) == (1, 8)


async def test_an_empty_answer_needs_no_judge(server: _Server) -> None:
    assert await judge_of("openai:judge", base_url=_url(server))(" ", sample_with("blue")) == 0
    assert server.asked == []
