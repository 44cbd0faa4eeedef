"""An OpenAI-compatible server that answers what a test tells it to."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Reply:
    """What the server says to one request."""

    status: int = 200
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)


def says(text: str | None) -> Reply:
    """A chat completion."""
    return Reply(body=json.dumps({"choices": [{"message": {"content": text}}]}))


def fails(status: int, words: str, **headers: str) -> Reply:
    """An error as OpenAI writes them; `Retry_After` becomes `Retry-After`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, json.dumps({"error": {"message": words}}), named)


class ScriptedServer:
    """Says its replies in turn, the last one again and again, and keeps what it was asked."""

    def __init__(self, replies: tuple[Reply, ...], server: ThreadingHTTPServer) -> None:
        self.url = f"http://127.0.0.1:{server.server_port}/v1"
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self._replies = replies

    def reply_to(self, path: str, headers: dict[str, str], body: bytes) -> Reply:
        self.paths.append(path)
        self.headers.append(headers)
        self.asked.append(json.loads(body))
        return self._replies[min(len(self.asked), len(self._replies)) - 1]


@contextmanager
def scripted_server(*replies: Reply) -> Iterator[ScriptedServer]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            reply = script.reply_to(self.path, dict(self.headers), content)
            data = reply.body.encode()
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """A test's output is no access log."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    script = ScriptedServer(replies, server)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield script
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
