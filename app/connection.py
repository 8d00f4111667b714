"""One client's connection: uvicorn's HTTP/1.1, bounded in time and size.

Refusals are plain text, as uvicorn's own: what can't be read as HTTP, or not in time, never reaches the API.
"""

from __future__ import annotations

import asyncio
from typing import Any

import httptools
from uvicorn._types import ASGI3Application
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from app.body_limits import TOO_SLOW
from app.connections import PERIOD, Connections

MOST_HEAD_BYTES = 64 * 1024
"""Of a request line and headers together; servers in front allow 8 to 64 kB."""
MOST_HEADERS = 100
MOST_PIPELINED = 100
"""Requests that may wait behind one that is being answered; nobody sends as many without having seen an answer."""
LINGER_S = 0.1
"""For the event loop to come round."""


class _RefusedError(Exception):
    """What has arrived is not taken, with this status."""

    def __init__(self, status: int, reason: str) -> None:
        self.status, self.reason = status, reason


class Connection(HttpToolsProtocol):
    """Given to uvicorn, which makes one for each connection; the application's state has the watch."""

    def __init__(
        self, config: Config, server_state: ServerState, app_state: dict[str, Any], _loop: asyncio.AbstractEventLoop | None = None
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._watch: Connections = app_state["connections"]
        self._arriving = 0  # bytes of the piece that is being read
        self._head_bytes = 0
        self._in_head = self._in_body = False
        self._since = 0.0  # the service waits for what comes next
        self._received = 0  # bytes of the body
        self._received_before = 0  # at the last round, as the following
        self._owed_before = 0
        self._patience: float = self._watch.slack_seconds
        self._reading_patience = self._patience
        self._running: RequestResponseCycle | None = None  # the request that is being answered
        self._deaf = False  # nothing that arrives counts any more
        self._refused: _RefusedError | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._since = self.loop.time()
        if not self._watch.admit(self):
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._watch.forget(self)
        if self._running and not self._running.response_complete:  # uvicorn tells the last one read only, which may wait behind this one
            self._running.disconnected = True
            self._running.message_event.set()
        super().connection_lost(exc)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def shutdown(self) -> None:
        """The service stops: a connection without a request is closed after a moment, as one may have arrived and not been read."""
        if self.cycle is None or self.cycle.response_complete:
            self.loop.call_later(LINGER_S, super().shutdown)
        else:
            super().shutdown()

    # What arrives

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            return
        self._unset_keepalive_if_required()
        self._arriving = len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._go_on_without_upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            self._refuse(self._refused or _RefusedError(400, "Invalid HTTP request received."))
        else:
            if self._in_head:
                self._head_bytes += len(data)
                if self._head_bytes > MOST_HEAD_BYTES:
                    self._refuse(_TOO_LARGE)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        self._head_bytes = 0
        if self.cycle is not None:  # a first one is awaited since the connection was made
            self._since = self.loop.time()

    def on_headers_complete(self) -> None:
        self._in_head = False
        if self._arriving > MOST_HEAD_BYTES or len(self.headers) > MOST_HEADERS:
            self._measure_head()
        if self.parser.should_upgrade():  # httptools takes what follows for another protocol, and so would miss the body
            if self.parser.get_method() == b"CONNECT":
                self._reject(_RefusedError(400, "This is no proxy."))
            return
        hosts = [name for name, _ in self.headers].count(b"host")
        if hosts != 1 and (hosts or self.parser.get_http_version() != "1.0"):
            self._reject(_RefusedError(400, "A request must have one Host header."))  # RFC 9112, section 3.2
        if len(self.pipeline) >= MOST_PIPELINED:
            self._reject(_RefusedError(400, "Too many requests at once on one connection."))
        super().on_headers_complete()
        self._watch.busy(self)
        self._in_body = True
        self._since = self.loop.time()
        self._received = self._received_before = 0
        self._patience = self._watch.slack_seconds

    def on_body(self, body: bytes) -> None:
        self._received += len(body)
        # after the answer the rest is read on and thrown away, or a client that sends first and reads then would miss it
        if self.cycle.response_started and self._received > self._watch.limits.at(self.cycle.scope["path"]):
            self._deaf = True
            self.transport.close()
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self.parser.should_upgrade():
            return
        super().on_message_complete()
        self._in_body = False
        self._rest()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._rest()

    def _rest(self) -> None:
        """Wait for a next request, if the last one is both read and answered."""
        if self.cycle.response_complete and not self._in_body and not self.transport.is_closing():
            if not self._in_head:
                self._since = self.loop.time()
            self._watch.idle(self)

    def _measure_head(self) -> None:
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > MOST_HEAD_BYTES or len(self.headers) > MOST_HEADERS:
            self._reject(_TOO_LARGE)

    def _go_on_without_upgrade(self, rest: bytes) -> None:
        """Read the request again as one that doesn't ask for another protocol, which a server may ignore; `rest` came after its head."""
        method, version = self.parser.get_method(), self.parser.get_http_version().encode()
        head = [b"%b %b HTTP/%b\r\n" % (method, self.url, version)]
        head += [b"%b: %b\r\n" % header for header in self.headers if header[0] != b"upgrade"]
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self.data_received(b"".join([*head, b"\r\n", rest]))

    # Refusals

    def _reject(self, refusal: _RefusedError) -> None:
        """Leave the parser, which wraps what its callbacks raise."""
        self._refused = refusal
        raise refusal

    def _refuse(self, refusal: _RefusedError) -> None:
        self._deaf = True
        self.logger.warning(refusal.reason)
        if self.cycle is None or self.cycle.response_complete or (self._in_body and not self.cycle.response_started):
            self._answer(refusal)
        elif self._in_body:
            self.transport.abort()  # an answer has begun to a request that turns out to be none
        else:
            self.cycle.keep_alive = False  # whole requests came before, and only they are answered

    def _answer(self, refusal: _RefusedError) -> None:
        content = refusal.reason.encode()
        self.transport.write(
            STATUS_LINE[refusal.status]
            + b"content-type: text/plain; charset=utf-8\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(content)
            + content
        )
        self.transport.close()

    # What the watch asks for

    def abort(self) -> None:
        self.transport.abort()

    def waited(self) -> float | None:
        taking = self._running is not None and self._running.response_started and not self._running.response_complete
        return self._since if self._in_body or taking or self.transport.get_write_buffer_size() else None

    def check(self, now: float) -> None:
        if self._is_unread():
            self.transport.abort()
        elif self._in_body:
            if self._is_slow():
                self._end_upload()
        elif self.cycle is None or self.cycle.response_complete:
            hurried = self._in_head or self.cycle is None
            if now - self._since > (self._watch.head_seconds if hurried else self._watch.keep_alive_seconds):
                self.transport.abort()

    def _is_unread(self) -> bool:
        """Whether the client takes its answer more slowly than it may."""
        owed: int = self.transport.get_write_buffer_size()
        before = self._owed_before
        self._owed_before = owed
        if not owed or owed > before:  # all taken, or more came
            self._reading_patience = self._watch.slack_seconds
            return False
        self._reading_patience = self._left(self._reading_patience, before - owed)
        return bool(self._reading_patience < 0)

    def _is_slow(self) -> bool:
        """Whether a body arrives more slowly than it may."""
        if self.flow.read_paused:  # by the service, which has enough for now
            return False
        arrived = self._received - self._received_before
        self._received_before = self._received
        self._patience = self._left(self._patience, arrived)
        return self._patience < 0

    def _left(self, patience: float, moved: int) -> float:
        """Seconds left after a round in which `moved` bytes were: each earns time, but never more than there was at first."""
        return min(self._watch.slack_seconds, patience + moved / self._watch.least_rate) - PERIOD

    def _end_upload(self) -> None:
        state = self.cycle.scope["state"]
        if self.cycle.response_started or TOO_SLOW in state:
            self.transport.abort()
        else:
            state[TOO_SLOW] = True
            self._patience = self._watch.slack_seconds  # for the answer
            self.cycle.message_event.set()


_TOO_LARGE = _RefusedError(431, f"The request's head is larger than {MOST_HEAD_BYTES} bytes or has more than {MOST_HEADERS} headers.")
