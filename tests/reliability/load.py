"""Load on a server from a process of its own: kept connections, each of which asks again as soon as it has an answer.

`loaded(server, seconds, [Stream(…)])`. A client on sockets: httpx would be busy long before the server.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
import subprocess
import sys
import time
from collections import defaultdict
from dataclasses import asdict, dataclass, field
from types import TracebackType
from typing import Any, Self

import uvloop

from tests.server import ROOT, Server

PATIENCE_S = 60.0
LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Stream:
    """`connections` that send the same request; after an answer each waits `pause_s`, after a 429 `pause_429_s`."""

    name: str
    connections: int
    path: str
    body: str = ""
    content_type: str = "image/png"
    pause_s: float = 0
    pause_429_s: float = 1

    @property
    def request(self) -> bytes:
        content = base64.b64decode(self.body)
        head = f"{'POST' if content else 'GET'} {self.path} HTTP/1.1\r\nHost: x\r\nContent-Type: {self.content_type}\r\n"
        return f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content


def encoded(content: bytes) -> str:
    """A stream's body."""
    return base64.b64encode(content).decode()


@dataclass
class Outcome:
    """What became of the requests of a stream; `answered` has the seconds that each answer took, by status."""

    sent: int = 0
    broken: int = 0
    answered: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def count(self, status: int) -> int:
        return len(self.answered.get(str(status), []))

    def quantile_ms(self, status: int, quantile: float) -> float:
        """0 where there is no such answer."""
        times = sorted(self.answered.get(str(status), [])) or [0.0]
        return 1000 * times[min(len(times) - 1, int(quantile * len(times)))]

    def worst_ms(self) -> float:
        return 1000 * max(max(times) for times in self.answered.values())


class Load:
    """`streams` for so many seconds; what is on the way then is waited for."""

    def __init__(self, server: Server, seconds: float, streams: list[Stream]) -> None:
        self.seconds = seconds
        self._task = json.dumps({"port": server.port, "seconds": seconds, "streams": [asdict(each) for each in streams]})

    def __enter__(self) -> Self:
        self._process = subprocess.Popen([sys.executable, "-m", __name__], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdin is not None
        self._process.stdin.write(self._task.encode())
        self._process.stdin.close()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as written:
            found: dict[str, Any] = json.loads(written.read())
        assert self._process.wait() == 0
        self.outcomes = {name: Outcome(**each) for name, each in found.items()}

    def goodput(self, *names: str) -> float:
        """Requests answered with 200, by the second."""
        return sum(self.outcomes[name].count(200) for name in names or self.outcomes) / self.seconds


def loaded(server: Server, seconds: float, streams: list[Stream]) -> Load:
    """The load, done."""
    with Load(server, seconds, streams) as load:
        pass
    return load


async def _connection(port: int, stream: Stream, outcome: Outcome, ends: float) -> None:
    request = stream.request
    reader: asyncio.StreamReader | None = None
    while time.perf_counter() < ends:
        try:
            if reader is None:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
            continue
        began = time.perf_counter()
        outcome.sent += 1
        try:
            writer.write(request)
            async with asyncio.timeout(PATIENCE_S):
                head = await reader.readuntil(b"\r\n\r\n")
                found = LENGTH.search(head)
                await reader.readexactly(int(found[1]) if found else 0)
        except (OSError, asyncio.IncompleteReadError, TimeoutError):
            outcome.broken += 1
            writer.close()
            reader = None
            continue
        status = head[9:12].decode()
        outcome.answered[status].append(time.perf_counter() - began)
        if b"connection: close" in head.lower():
            writer.close()
            reader = None
        if pause := stream.pause_429_s if status == "429" else stream.pause_s:
            await asyncio.sleep(min(pause, max(0, ends - time.perf_counter())))


async def _main(task: dict[str, Any]) -> None:
    outcomes = {}
    ends = time.perf_counter() + task["seconds"]
    async with asyncio.TaskGroup() as group:
        for each in task["streams"]:
            stream = Stream(**each)
            outcome = outcomes[stream.name] = Outcome()
            for _ in range(stream.connections):
                group.create_task(_connection(task["port"], stream, outcome, ends))
    sys.stdout.write(json.dumps({name: vars(each) for name, each in outcomes.items()}))


if __name__ == "__main__":
    uvloop.run(_main(json.load(sys.stdin)))
