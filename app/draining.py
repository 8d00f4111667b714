"""What a stopping service does to the requests that it still answers."""

from __future__ import annotations

import asyncio

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import problems
from app.errors import StoppingError
from app.stopping import Stopping


class Draining:
    """Ends each connection with its answer, and answers what uvicorn gives up waiting for, which would have none."""

    def __init__(self, app: ASGIApp, stopping: Stopping) -> None:
        self._app = app
        self._stopping = stopping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        has_begun = False

        async def send_last(message: Message) -> None:
            nonlocal has_begun
            if message["type"] == "http.response.start":
                has_begun = True
                if self._stopping.has_begun:
                    MutableHeaders(scope=message)["Connection"] = "close"
            await send(message)

        try:
            await self._app(scope, receive, send_last)
        except asyncio.CancelledError:
            if not self._stopping.has_begun:
                raise
            if not has_begun:  # otherwise uvicorn breaks the connection, which says that the answer is not whole
                given_up = problems.problem_of(
                    StoppingError("The service stops before this was answered: try again."), scope["state"]["request_id"]
                )
                await problems.response(scope["path"], given_up)(scope, receive, send_last)
