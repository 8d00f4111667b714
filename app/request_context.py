"""A request's id, its log line and its figures, around everything else, so that even a failure has them."""

from __future__ import annotations

import logging
import os
import re
import time
from typing import TYPE_CHECKING

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import problems, steps, telemetry, trace_context
from app.body_limits import ANSWERING, BodyLimits, too_large
from app.route import Routes
from app.security_headers import secured

if TYPE_CHECKING:
    from app.tracing import Tracing

HEADER = "X-Request-ID"
ACCEPTED_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
"""A client's own id is kept if it can be put into a header and a log line as it is; otherwise it gets a new one."""
CLIENT_CLOSED_REQUEST = 499
"""nginx's status in its log for a client that hung up before it had an answer."""

log = logging.getLogger("app.request")


class RequestContext:
    """Pure ASGI middleware; `BaseHTTPMiddleware` would hide a client's disconnect from the routes."""

    def __init__(self, app: ASGIApp, limits: BodyLimits, tracing: Tracing | None) -> None:
        self._app = app
        self._limits = limits
        self._tracing = tracing
        self._routes = Routes()
        self._requests = telemetry.RequestTelemetry()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        taken = steps.start()
        headers = Headers(scope=scope)
        request_id = headers.get(HEADER, "")
        if not ACCEPTED_ID.fullmatch(request_id):
            request_id = os.urandom(16).hex()
        state = scope.setdefault("state", {})
        state["request_id"] = request_id
        state["logged"] = {}
        trace = self._tracing.ids() if self._tracing else trace_context.ids(scope["headers"])
        method = scope["method"]
        status = CLIENT_CLOSED_REQUEST  # unless an answer begins; Ray Serve cancels a request whose client is gone

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                state[ANSWERING] = True
                message["headers"] = [*secured(message["headers"]), (b"x-request-id", request_id.encode())]
            await send(message)

        if method == "HEAD":  # the same answer as to GET; the server leaves out its body
            scope = {**scope, "method": "GET"}
        telemetry.IN_FLIGHT.inc()
        try:
            if _declared_length(headers) > (limit := self._limits.at(scope["path"])):
                refusal = problems.problem_of(too_large(limit), request_id)  # before any of it is read
                await problems.response(scope["path"], refusal)(scope, receive, send_with_id)
            else:
                await self._app(scope, receive, send_with_id)
        except ClientDisconnect:
            status = CLIENT_CLOSED_REQUEST
        except Exception:
            log.exception("unexpected failure", extra={"request_id": request_id, **trace})
            if ANSWERING in state:
                raise  # the answer has begun: only breaking the connection can say that it is not whole
            failure = problems.problem(
                500, "Internal error", "The service failed unexpectedly; its log says more under this request id.", request_id
            )
            await problems.response(scope["path"], failure)(scope, receive, send_with_id)
        finally:
            duration = time.perf_counter() - started
            telemetry.IN_FLIGHT.dec()
            known = method if method in telemetry.METHODS else telemetry.OTHER_METHOD
            self._requests.finished(known, self._routes.of(scope), status, duration)
            if self._tracing:
                self._tracing.record(taken)
            log.info(
                "request",
                extra={
                    "request_id": request_id,
                    **trace,
                    "method": method,
                    "path": scope["path"],
                    "status": status,
                    "duration_ms": round(1000 * duration, 3),
                    **steps.milliseconds(taken),
                    **state["logged"],
                },
            )


def _declared_length(headers: Headers) -> int:
    length = headers.get("content-length", "")
    return int(length) if length.isdecimal() and len(length) < 4000 else 0  # beyond it `int` refuses; zeros may stand in front
