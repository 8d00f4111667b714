"""How long a request's body may be: tensors are longer than pictures."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from app.protocol_paths import is_protocol
from app.settings import Settings


@dataclass(frozen=True)
class BodyLimits:
    """In bytes: `pictures`, and `tensors` for the protocols under `/v1` and `/v2`."""

    pictures: int
    tensors: int

    @classmethod
    def of(cls, settings: Settings) -> BodyLimits:
        return cls(settings.max_body_bytes, settings.max_tensor_bytes)

    def at(self, path: str) -> int:
        """The limit for a request to this path, in bytes."""
        return self.tensors if is_protocol(path) else self.pictures


class BodyLimit:
    """Refuses a body that turns out to be longer than its path allows, by Starlette's middleware, which knows one limit."""

    def __init__(self, app: ASGIApp, limits: BodyLimits) -> None:
        self._limits = limits
        self._apps = {size: RequestBodyLimitMiddleware(app, max_body_size=size) for size in (limits.pictures, limits.tensors)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._apps[self._limits.at(scope.get("path", ""))](scope, receive, send)
