"""Clients that send or read a byte a second, or nothing: each is cut off in time, and nobody else waits for them.

One attack, on two servers at once: the service, and for the control the same with deadlines of an hour. Both forms take half a minute; the
long one has 2,000 connections instead of 500.
"""

from __future__ import annotations

import contextlib
import json
import resource
import socket
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pytest

from tests.conftest import MODELS
from tests.data import BOOT
from tests.reliability.conftest import Record
from tests.reliability.neighbour import Neighbour, rest
from tests.reliability.raw import Answer, asked, clients, connected, descriptors, in_flight
from tests.server import Server, uncovered

ROW = "Slowloris"
CLOSED_WITHIN = 15.0
BUSY = 5.0
"""Seconds more for a machine that has other things to do."""
LARGE = b"GET /static/vendor/swagger-ui/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n%b\r\n"
POST = b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\n%b\r\n\r\n"
LONG = b"Content-Length: 1000000"


@dataclass(frozen=True)
class Kind:
    """What a slow client sends at once, what each second, and whether it ever reads."""

    begins: bytes = b""
    each_second: bytes = b""
    reads: bool = True


KINDS = {
    "silent": Kind(),
    "a head": Kind(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: ", b"a"),
    "empty lines": Kind(each_second=b"\r\n"),
    "a second head": Kind(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /", b"a"),
    "a body": Kind(POST % (b"/predict", LONG), b"a"),
    "no body": Kind(POST % (b"/v2/models/cnn/infer", LONG)),
    "a chunked body": Kind(POST % (b"/predict", b"Transfer-Encoding: chunked"), b"1\r\na\r\n"),
    "a body that is not wanted": Kind(POST % (b"/nowhere", LONG), b"a"),
    "never reading": Kind(LARGE % b"" * 5, reads=False),
    "never reading a last answer": Kind(LARGE % b"" * 4 + LARGE % b"Connection: close\r\n", reads=False),
}
TOLD = {"a body", "no body", "a chunked body"}
"""Whose head had arrived and who therefore get an answer."""


@dataclass
class Slow:
    """One slow client."""

    kind: str
    connection: socket.socket
    content: bytes = b""

    def goes_on(self) -> None:
        try:
            self.connection.send(KINDS[self.kind].each_second)
        except OSError:
            return  # closed; what it was told can still be read

    def reads(self) -> None:
        try:
            while received := self.connection.recv(65536):
                self.content += received
        except OSError:
            return


@dataclass
class Figures:
    """What became of an attack."""

    clients: int
    left: int
    closed_after: dict[str, float] = field(default_factory=dict)
    """Seconds until the server had closed the last client of a kind."""
    told: Counter[bytes] = field(default_factory=Counter)
    quiet: float = 0.0
    attacked: float = 0.0
    """The neighbour's 99th percentile, in milliseconds."""
    descriptors_left: int = 0
    in_flight: int = 0
    errors: int = 0

    def __str__(self) -> str:
        last = max(self.closed_after.values(), default=0)
        return (
            f"{self.clients} connections, {self.left} left, the last closed after {last:.1f} s; "
            f"p99 {self.quiet:.1f} ms before, {self.attacked:.1f} ms during; {self.told[b'408']} x 408"
        )


def begun(server: Server, kind: str) -> Slow:
    """A slow client that has begun."""
    sends = KINDS[kind]
    connection = socket.socket()
    if not sends.reads:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect(("127.0.0.1", server.port))
    connection.sendall(sends.begins)
    connection.setblocking(False)
    return Slow(kind, connection)


class Attack:
    """All kinds of slow clients on one server, as many of each."""

    def __init__(self, server: Server, number: int) -> None:
        self._server = server
        self._before = descriptors(server)
        self._slow = [begun(server, kind) for kind in KINDS for _ in range(number // len(KINDS))]
        self._kinds = {each.connection.getsockname()[1]: each.kind for each in self._slow}
        self._began = time.monotonic()
        self.figures = Figures(len(self._slow), len(self._slow))

    def goes_on(self, tenth: int) -> None:
        """To be called ten times a second: each client has a tenth that is its own, as they would not all send at once."""
        for each in self._slow[tenth::10]:
            each.goes_on()
            if KINDS[each.kind].reads:
                each.reads()
        if tenth:
            return
        left = self._kinds.keys() & clients(self._server)
        self.figures.left = len(left)
        kinds = {self._kinds[each] for each in left}
        for gone in KINDS.keys() - kinds - self.figures.closed_after.keys():
            self.figures.closed_after[gone] = time.monotonic() - self._began

    def end(self) -> None:
        for each in self._slow:
            if each.kind in TOLD:
                each.reads()
                self.figures.told[each.content[9:12]] += 1
            each.connection.close()
        self.figures.descriptors_left = descriptors(self._server) - self._before
        self.figures.in_flight = in_flight(self._server)
        self.figures.errors = sum(each["level"] == "ERROR" for each in self._server.logs())


@pytest.fixture(scope="module")
def attacked(soak: bool) -> dict[str, Figures]:
    """What became of the same attack with and without deadlines."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    room: dict[str, Any] = {"models_dir": str(MODELS), "max_connections": 4000, "max_concurrency": 4000}
    with_deadlines = Server(uncovered(), **room)
    without = Server(uncovered(), **room, head_seconds=3600, slack_seconds=3600, request_seconds=3600)
    with with_deadlines as server, without as control:
        with Neighbour(server) as neighbour:
            quiet = rest(3)
            attacks = [Attack(each, 2000 if soak else 500) for each in (server, control)]
            begin = time.monotonic()
            for tick in range(1, round(10 * (CLOSED_WITHIN + BUSY))):
                time.sleep(max(0, begin + tick / 10 - time.monotonic()))
                for each in attacks:
                    each.goes_on(tick % 10)
                if not attacks[0].figures.left:
                    break
            during = begin, time.monotonic()
        for each in attacks:
            each.end()
        figures = attacks[0].figures
        figures.quiet = float(np.quantile(neighbour.between(*quiet), 0.99))
        figures.attacked = float(np.quantile(neighbour.between(*during), 0.99))
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return {"with": attacks[0].figures, "without": attacks[1].figures}


def holds(figures: Figures) -> None:
    assert figures.left == 0, figures.closed_after
    assert max(figures.closed_after.values()) < CLOSED_WITHIN + BUSY
    assert figures.told.keys() == {b"408"}
    assert figures.descriptors_left <= 8  # files of pages and the threads that read them
    assert figures.in_flight == 0
    assert figures.errors == 0


def test_slow_clients_are_cut_off(attacked: dict[str, Figures], record: Record) -> None:
    figures = attacked["with"]
    record(ROW, "silent or 1 B/s, head, body and answer: closed within 15 s, others' p99 < 2x, 408 to whom a head had come", str(figures))
    holds(figures)
    assert figures.attacked < 3 * figures.quiet + 50  # other tests, too, may load the machine meanwhile


def test_without_deadlines_they_stay(attacked: dict[str, Figures], record: Record) -> None:
    figures = attacked["without"]
    record(f"{ROW}, without deadlines", "all stay", str(figures))
    assert figures.left == figures.clients
    with pytest.raises(AssertionError):
        holds(figures)


@pytest.fixture(scope="module")
def hasty() -> Iterator[Server]:
    """A server that waits for a second, and works for two."""
    with Server(models_dir=str(MODELS), head_seconds=1, slack_seconds=1, request_seconds=2) as server:
        yield server


def together(server: Server, *sent: bytes) -> list[Answer]:
    """What comes back for each, sent at the same time."""
    with ThreadPoolExecutor(len(sent)) as pool:
        return list(pool.map(partial(asked, server), sent))


def test_a_slow_upload_is_told_so(hasty: Server) -> None:
    paths = [b"/predict", b"/predict/batch", b"/compare", b"/v1/models/cnn:predict", b"/v2/models/cnn/infer"]
    heads = [
        (POST % (path, LONG)).replace(b"image/png", b"multipart/form-data; boundary=b" if b"batch" in path else b"image/png")
        for path in paths
    ]
    for path, answer in zip(paths, together(hasty, *(head + b"abc" for head in heads)), strict=True):
        assert answer.closed
        assert answer.statuses == [408]
        head, _, body = answer.content.partition(b"\r\n\r\n")
        assert b"connection: close" in head.lower()
        problem = json.loads(body)
        if path.startswith(b"/v"):
            assert problem.keys() == {"error"}
        else:
            assert problem["type"] == "urn:wardrobe:problem:upload-too-slow"
        assert "After 3 bytes" in problem.get("detail", problem.get("error"))


PLACES = 5


def placed(server: Server) -> list[int]:
    """The statuses that ten neighbours get while twice as many slow uploads as there are places are under way."""
    with contextlib.ExitStack() as slow:
        for _ in range(2 * PLACES):
            slow.enter_context(connected(server)).sendall(POST % (b"/predict", LONG) + b"a")
        server.http.get("/healthz")
        image = BOOT.read_bytes()
        return [server.http.post("/predict", content=image, headers={"Content-Type": "image/png"}).status_code for _ in range(10)]


def served(statuses: list[int]) -> None:
    assert set(statuses) == {200}


def test_slow_uploads_take_no_place(record: Record) -> None:
    with Server(models_dir=str(MODELS), max_concurrency=PLACES) as server:
        statuses = placed(server)
    record(f"{ROW}: more slow uploads than places", "neighbours are answered", str(Counter(statuses)))
    served(statuses)


def test_without_that_neighbours_are_refused(record: Record) -> None:
    changed = """
import app.admission as admission
call = admission.Admission.__call__
async def counting(self, scope, receive, send):
    if scope["type"] != "http" or scope["path"] in admission.EXEMPT:
        return await call(self, scope, receive, send)
    async def inside():
        self._inside += 1
        try:
            return await receive()
        finally:
            self._inside -= 1
    await call(self, scope, inside, send)
admission.Admission.__call__ = counting
"""
    with Server(models_dir=str(MODELS), max_concurrency=PLACES, changed=changed) as server:
        statuses = placed(server)
    record(f"{ROW}: more slow uploads than places, each counted", "neighbours are refused", str(Counter(statuses)))
    with pytest.raises(AssertionError):
        served(statuses)


def test_who_has_no_head_is_not_answered(hasty: Server) -> None:
    assert together(hasty, b"", b"GET /healthz HT", b"\r\n") == [Answer(b"", closed=True)] * 3


def test_a_slow_phone_can_upload(hasty: Server) -> None:
    """100 kbit/s, in pieces with a pause of half the slack between; three times as long as the slack, longer than a request may take."""
    image = BOOT.read_bytes()
    body = image + bytes(36_000)  # more than the PNG, which decoders pass over
    with connected(hasty) as connection:
        connection.sendall(POST % (b"/predict?fit=garment", b"Content-Length: %d" % len(body)))
        for start in range(0, len(body), 6250):
            connection.sendall(body[start : start + 6250])
            time.sleep(0.5)
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")


def test_a_slow_reader_that_reads_gets_it_all(hasty: Server) -> None:
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", hasty.port))
        connection.sendall(LARGE % b"Connection: close\r\n")
        content, began = b"", time.monotonic()
        while received := connection.recv(16384):
            content += received
            time.sleep(max(0, len(content) / 400_000 - (time.monotonic() - began)))
    whole = hasty.http.get("/static/vendor/swagger-ui/swagger-ui-bundle.js", headers={"Accept-Encoding": "identity"}).content
    assert time.monotonic() - began > 2  # longer than anyone may be silent
    assert content.endswith(whole)


def test_a_connection_between_two_requests_is_kept(hasty: Server) -> None:
    """A head's deadline begins with its first byte; until then it is `keep_alive_seconds`."""
    health = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
    with connected(hasty) as connection, connection.makefile("rb") as answers:
        for last in (b"", b"Connection: close\r\n"):
            connection.sendall(health + last + b"\r\n")
            assert answers.readline() == b"HTTP/1.1 200 OK\r\n"
            while answers.readline().strip():
                pass
            assert answers.read(15) == b'{"status":"ok"}'
            time.sleep(0 if last else 3)
