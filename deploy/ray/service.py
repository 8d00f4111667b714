"""Wardrobe as a Ray Serve deployment: `serve deploy deploy/ray/serve.yaml`, which says how it scales, rolls and stops.

The application is the one that `python -m app` serves, with the same `WARDROBE_…` settings. What differs is what stands in front of it:
HAProxy, and uvicorn as Ray Serve sets it up, instead of `app/connection.py`.
"""

from __future__ import annotations

import logging
import sys
import time
from typing import Any

from pydantic import ValidationError
from pydantic_settings import SettingsError
from ray import serve
from ray.serve._private.common import RUNNING_REQUESTS_KEY
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import logs
from app.main import create_app
from app.settings import Settings, complaints

REQUEST_ID = b"x-request-id"


class Service:
    """The application with what it expects of a server and Ray Serve's leaves out or does itself."""

    def __init__(self, app: ASGIApp) -> None:
        self.state: dict[str, Any] = {}
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            scope["state"] = self.state
            await self._app(scope, receive, send)
            return
        scope["state"] = self.state.copy()  # as the ASGI specification has it
        given = [each for each in scope["headers"] if each[0] == REQUEST_ID]

        async def send_without_id(message: Message) -> None:
            if message["type"] == "http.response.start":  # Ray Serve puts the same there
                message["headers"] = [each for each in message["headers"] if tuple(each) not in given]
            await send(message)

        await self._app(scope, receive, send_without_id)


@serve.deployment
@serve.ingress(None)
class Wardrobe:
    """One replica: one process with its own copy of the models."""

    def __serve_build_asgi_app__(self) -> Service:
        """Called in the replica, so that nothing has to be sent there.

        Raises:
            ValueError: A setting is wrong; `serve status` shows the sentence.
        """
        try:
            settings = Settings()
        except (ValidationError, SettingsError) as error:
            raise ValueError("; ".join(complaints(error))) from None
        _log(settings.log_level)
        self._service = Service(create_app(settings))
        self._counted = time.monotonic(), time.process_time()
        return self._service

    async def check_health(self) -> None:
        """Called by Ray Serve, which replaces a replica that fails, and has none take part that fails at once.

        Raises:
            ModelUnavailableError: A required model does not answer its golden images.
        """
        state = self._service.state
        await state["readiness"].check(state["repository"].registry)

    def record_autoscaling_stats(self) -> dict[str, float]:
        """Called by Ray Serve: the mean number of requests that were worked on since the last call, as processor time per time.

        In place of its own count, by which a replica at its limit looks idle: whoever counts, and whoever classifies small images, are
        the same thread, so one never sees the other at work.
        """
        then, taken_then = self._counted
        now, taken = self._counted = time.monotonic(), time.process_time()
        return {RUNNING_REQUESTS_KEY: (taken - taken_then) / max(now - then, 1e-3)}


def _log(level: str) -> None:
    """A JSON line for each request into the worker's output file; `dictConfig` would close Ray's own log files."""
    output = logs.Output(sys.__stdout__)
    output.setFormatter(logs.JSONFormatter())
    log = logging.getLogger("app")
    log.addHandler(output)
    log.setLevel(level.upper())
    log.propagate = False


application = Wardrobe.bind()
