"""A chat server that says its script at once: what is left is the agent's own time.

`python -m bench.yardsticks.chat_server TURN…`: the answer to a conversation with
n turns of the assistant in it is TURN n.
"""

from __future__ import annotations

import socket
import sys

from aiohttp import web

from thinkimg_rpc.process import die_with_parent

_MAX_BODY_BYTES = 1 << 30


def make_app(turns: list[str]) -> web.Application:
    """The HTTP service."""

    async def complete(request: web.Request) -> web.Response:
        body = await request.read()
        # Looked for, not parsed: a real server's time is not the agent's either.
        number = body.count(b'"role":"assistant"') + body.count(b'"role": "assistant"')
        message = {"role": "assistant", "content": turns[number]}
        return web.json_response(
            {
                "id": "1",
                "object": "chat.completion",
                "created": 0,
                "model": "scripted",
                "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
                "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
            }
        )

    app = web.Application(client_max_size=_MAX_BODY_BYTES)
    app.router.add_post("/v1/chat/completions", complete)
    return app


def main() -> None:
    die_with_parent()
    listener = socket.create_server(("127.0.0.1", 0))
    print("127.0.0.1", listener.getsockname()[1], sep=":", flush=True)
    web.run_app(make_app(sys.argv[1:]), sock=listener, print=None)


if __name__ == "__main__":
    main()
