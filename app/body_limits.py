"""How long a request's body may be, tensors being longer than pictures, and how much of bodies a worker holds at once."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import BodyTooLargeError, OverloadedError, SlowUploadError
from app.protocol_paths import is_protocol
from app.settings import Settings

TOO_SLOW = "too_slow"
"""In a request's state once its body arrives too slowly; the connection, which sees it, puts it there."""
ANSWERING = "answering"
"""In a request's state once its answer has begun."""


@dataclass(frozen=True)
class BodyLimits:
    """In bytes: `pictures`, `tensors` for the protocols under `/v1` and `/v2`, and `held` for all bodies that a worker has at once."""

    pictures: int
    tensors: int
    held: int

    @classmethod
    def of(cls, settings: Settings) -> BodyLimits:
        largest = max(settings.max_body_bytes, settings.max_tensor_bytes)
        return cls(settings.max_body_bytes, settings.max_tensor_bytes, max(settings.max_held_bytes, largest))

    def at(self, path: str) -> int:
        """The limit for a request to this path, in bytes."""
        return self.tensors if is_protocol(path) else self.pictures


class BodyLimit:
    """Refuses a body that turns out to be longer than its path allows, that there is no room for, or that comes too slowly."""

    def __init__(self, app: ASGIApp, limits: BodyLimits) -> None:
        self._app = app
        self._limits = limits
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._limits.at(scope["path"])
        state = scope["state"]
        arrived = 0

        async def bounded_receive() -> Message:
            nonlocal arrived
            message = await receive()
            if message["type"] == "http.request" and ANSWERING not in state:
                size = len(message.get("body", b""))
                arrived += size
                self._held += size
                if arrived > limit:
                    raise too_large(limit)
                if TOO_SLOW in state:
                    raise SlowUploadError(f"After {arrived:,} bytes the body came too slowly or not at all: send it again.")
                if self._held > self._limits.held:
                    raise OverloadedError(f"{self._held:,} bytes of requests are being worked on already: try again in a moment.")
            return message

        try:
            await self._app(scope, bounded_receive, send)
        finally:
            self._held -= arrived


def too_large(limit: int) -> BodyTooLargeError:
    """The error for a body over `limit` bytes."""
    return BodyTooLargeError(f"The body is larger than {limit:,} bytes: send a smaller image, or fewer at once.")
