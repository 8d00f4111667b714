"""How many requests a worker has in hand: one more is refused by its head, before its body is read or anything is done for it."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import deadline, problems
from app.errors import OverloadedError
from app.settings import Settings

EXEMPT = frozenset({"/healthz", "/readyz", "/v2/health/live", "/v2/health/ready", "/telemetry", "/metrics"})
"""What whoever watches the service asks for, above all when there is too much to do; none of it has a body."""
UNKNOWN = 2**31
"""Bytes of a body that does not declare its length."""


class Admission:
    """Counts the requests in hand, and starts the deadline of each."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._most, self._seconds = settings.max_concurrency, settings.request_seconds
        self._inside = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in EXEMPT:
            await self._app(scope, receive, send)
            return
        if self._inside >= self._most:
            refusal = problems.problem_of(self._full(), scope["state"]["request_id"])
            await problems.response(scope["path"], refusal)(scope, receive, send)
            return
        scope["state"]["body_size"] = _size(Headers(scope=scope))
        deadline.start(self._seconds)
        self._inside += 1

        async def receive_outside() -> Message:
            """While its client sends, a request takes no place, nor is that its own time: some slow ones would have all others refused."""
            self._inside -= 1
            try:
                message = await receive()
            finally:
                self._inside += 1
            deadline.start(self._seconds)
            if self._inside > self._most and message["type"] == "http.request":
                raise self._full()
            return message

        try:
            await self._app(scope, receive_outside, send)
        finally:
            self._inside -= 1

    def _full(self) -> OverloadedError:
        return OverloadedError(f"{self._most} requests are being answered already: try again in a moment.")


def _size(headers: Headers) -> int:
    """Bytes of the body, as the head declares them."""
    length = headers.get("content-length", "0" if "transfer-encoding" not in headers else "")
    return int(length) if length.isdecimal() and len(length) < 20 else UNKNOWN
