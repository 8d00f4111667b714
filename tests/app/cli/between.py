"""What can happen between the command and a service: something that passes requests on, or answers, or hangs up instead."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from tests.server import Server


@dataclass(frozen=True)
class Reply:
    """An answer that is not the service's."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


HANG_UP = Reply(0)
Interfere = Callable[[int, bytes], Reply | None]
"""The number of the request, from 0, and its body, to what is answered instead of the service's answer."""


class Between:
    """An address that stands for `server`: `with Between(server, interfere) as between: run(…, "--url", between.url)`."""

    def __init__(self, server: Server | None = None, interfere: Interfere = lambda number, body: None) -> None:
        self.requests: list[tuple[str, bytes]] = []
        seen, lock = self.requests, threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                with lock:
                    number = len(seen)
                    seen.append((self.path, body))
                reply = interfere(number, body)
                if reply is HANG_UP:
                    self.close_connection = True
                    return
                if reply is None:
                    assert server
                    headers = {"Content-Type": self.headers.get("Content-Type", "")}
                    answer = server.http.request(self.command, self.path, content=body, headers=headers)
                    reply = Reply(answer.status_code, answer.content, (("Content-Type", answer.headers["Content-Type"]),))
                self.send_response(reply.status)
                for name, value in (*reply.headers, ("Content-Length", str(len(reply.body)))):
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(reply.body)

            do_GET = do_POST = answer  # noqa: N815 - the names are the library's

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Nothing."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._http.serve_forever)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()
