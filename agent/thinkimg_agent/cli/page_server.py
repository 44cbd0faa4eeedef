"""Serving a run's page to this machine's browser."""

from __future__ import annotations

from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from thinkimg_agent.trajectory_file import BadTrajectory
from thinkimg_agent.viewer import run_page


def page_server(run: Path, port: int) -> ThreadingHTTPServer:
    """A server of the page at "/" of 127.0.0.1; not running yet."""

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path != "/":
                self.send_error(404)
                return
            try:
                status, body = 200, run_page(run).encode()
            except (BadTrajectory, OSError) as error:
                status, body = 500, str(error).encode()
            self.send_response(status)
            kind = "text/html" if status == 200 else "text/plain"
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """A person looking at a page needs no log of it."""

    return ThreadingHTTPServer(("127.0.0.1", port), Pages)


def serve_page(run: Path, port: int) -> None:
    """Serve until Ctrl-C. Raises: OSError, when the port cannot be had."""
    with page_server(run, port) as server, suppress(KeyboardInterrupt):
        print(f"http://127.0.0.1:{server.server_port}/ (Ctrl-C ends it)", flush=True)
        server.serve_forever()
