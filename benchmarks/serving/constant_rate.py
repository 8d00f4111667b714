"""Requests that arrive at a constant rate, whether or not the earlier ones are answered: latency as a user meets it.

wrk and hey send the next request when the last one is answered, so a server that stalls is asked less and looks better than it
is ("coordinated omission"). Here each request has its time, and its latency counts from then, also while it waits for a connection.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable

import httptools
import numpy as np
import uvloop

from benchmarks.serving.server import Server
from benchmarks.serving.upload import Body, Upload, content_type, uploads

CONNECTIONS = 64
WARM_UP = 0.2
"""Share of the time before the first request that counts."""


def latencies(server: Server, rate: float, seconds: float, cores: str) -> dict[str, float]:
    """Latencies in milliseconds at `rate` requests per second, and the rate that was kept up; every answer is checked.

    Raises:
        RuntimeError: An answer was wrong, or a connection failed.
    """
    command = [sys.executable, "-m", "benchmarks.serving.constant_rate", "127.0.0.1", str(server.port), server.contestant.path]
    command += [server.contestant.body, str(rate), str(seconds)]
    run = subprocess.run(["taskset", "-c", cores, *command], capture_output=True, text=True, check=False)
    if run.returncode:
        raise RuntimeError(f"{server.contestant.title} at {rate:.0f} requests/s: {run.stderr.strip().splitlines()[-1]}")
    found: dict[str, float] = json.loads(run.stdout)
    return found


class _Connection(asyncio.Protocol):
    """One HTTP connection, with one request at a time."""

    def __init__(self, answered: Callable[[_Connection, int, bytes], None]) -> None:
        self._answered = answered
        self._parser = httptools.HttpResponseParser(self)
        self._body = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        status, body, self._body = self._parser.get_status_code(), self._body, b""
        self._parser = httptools.HttpResponseParser(self)
        self._answered(self, status, body)

    def connection_lost(self, error: Exception | None) -> None:
        self._answered(self, 0, b"")


class Load:
    """The requests of one run."""

    def __init__(self, host: str, port: int, messages: list[bytes], rate: float, seconds: float) -> None:
        self._host, self._port, self._messages = host, port, messages
        self._count, self._rate = int(rate * seconds), rate
        self._free: deque[_Connection] = deque()
        self._waiting: deque[int] = deque()
        self._sent: dict[_Connection, int] = {}
        self.latency_s = np.full(self._count, np.nan)
        self.answers: list[tuple[int, int, bytes]] = []

    async def run(self) -> None:
        """Send every request at its time; return when the last is answered."""
        loop = asyncio.get_running_loop()
        self._done = loop.create_future()
        for _ in range(CONNECTIONS):
            _, connection = await loop.create_connection(lambda: _Connection(self._answered), self._host, self._port)
            self._free.append(connection)
        self._start = time.perf_counter()
        for number in range(self._count):
            due = self._start + number / self._rate
            while (left := due - time.perf_counter()) > 0:  # noqa: ASYNC110 - there is no event to wait for but the time
                await asyncio.sleep(left if left > 0.002 else 0)
            self._waiting.append(number)
            self._send()
            if number % 8 == 0:
                await asyncio.sleep(0)
        try:
            await asyncio.wait_for(self._done, 60)
        finally:
            for connection in (*self._free, *self._sent):
                connection.transport.close()

    def _send(self) -> None:
        while self._free and self._waiting:
            connection, number = self._free.pop(), self._waiting.popleft()
            self._sent[connection] = number
            connection.transport.write(self._messages[number % len(self._messages)])  # type: ignore[attr-defined]

    def _answered(self, connection: _Connection, status: int, body: bytes) -> None:
        if connection not in self._sent:
            return
        number = self._sent.pop(connection)
        self.latency_s[number] = time.perf_counter() - self._start - number / self._rate
        self.answers.append((number, status, body))
        if status:
            self._free.append(connection)
            self._send()
        if len(self.answers) == self._count and not self._done.done():
            self._done.set_result(None)


def _message(host: str, port: int, path: str, upload: Upload, kind: Body) -> bytes:
    body = upload.body(kind)
    head = f"POST {path} HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: {content_type(kind)}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def main() -> None:
    """Run in a process of its own, on a core of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, kind in (("host", str), ("port", int), ("path", str), ("body", str), ("rate", float), ("seconds", float)):
        parser.add_argument(name, type=kind)
    parser.add_argument("--unchecked", action="store_true", help="any answer with status 200 is right: for another model than the CNN")
    options = parser.parse_args()
    images = uploads()
    load = Load(
        options.host,
        options.port,
        [_message(options.host, options.port, options.path, each, options.body) for each in images],
        options.rate,
        options.seconds,
    )
    gc.disable()
    uvloop.run(load.run())
    for number, status, body in load.answers:
        if status != 200 or not (options.unchecked or images[number % len(images)].is_answered_by(body)):
            raise SystemExit(f"request {number} was answered with {status}: {body[:200]!r}")
    counted = load.latency_s[int(WARM_UP * len(load.latency_s)) :] * 1000
    finished = (np.arange(len(load.latency_s)) / options.rate + load.latency_s).max()
    print(
        json.dumps(
            {
                "rate": options.rate,
                "kept_up": len(load.latency_s) / finished,
                "p50_ms": float(np.percentile(counted, 50)),
                "p99_ms": float(np.percentile(counted, 99)),
            }
        )
    )


if __name__ == "__main__":
    main()
