"""More connections than there is room for, clients that vanish, and memory over many requests.

The short form takes half a minute. The long one aborts 5,000 requests and counts memory over 100,000, eight minutes.
"""

from __future__ import annotations

import contextlib
import http.client
import random
import socket
import struct
import time
from collections import Counter
from dataclasses import dataclass

import httpx
import numpy as np
import pytest

from app.connections import SPARE
from tests.conftest import MODELS
from tests.data import BOOT
from tests.reliability.conftest import Record
from tests.reliability.raw import asked, clients, connected, descriptors, in_flight, resident
from tests.reliability.test_forms import form, part
from tests.server import Server, uncovered

BOUND, VANISH, MEMORY = "More connections than fit", "Disconnects", "Memory growth"
ROOM = 50
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
LARGE = b"GET /static/vendor/swagger-ui/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n\r\n"
UPLOAD = b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: %d\r\n\r\n"
PNG = {"Content-Type": "image/png"}
FEW_FILES = "import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))\n"


@dataclass(frozen=True)
class Crowd:
    """What became of a crowd of connections: how many the server holds, which probes it answered, and its neighbour's connection."""

    held: int
    probes: list[list[int]]
    neighbour_kept: bool

    def __str__(self) -> str:
        answered = sum(each == [200] for each in self.probes)
        kept = "kept" if self.neighbour_kept else "lost"
        return f"{self.held} held, {answered} of {len(self.probes)} probes answered, the neighbour's connection {kept}"


def crowd(server: Server, begins: bytes, number: int = 200, goes_on: bytes = b"") -> Crowd:
    """Open `number` connections that send `begins` and then `goes_on`; between them come probes, and a neighbour on a kept connection."""
    probes, held = [], 0
    with contextlib.ExitStack() as kept, httpx.Client(base_url=server.http.base_url, timeout=3) as neighbour:
        neighbour.get("/healthz")
        [known] = [each for each in clients(server) if each == _port(neighbour)]
        opened = []
        for count in range(number):
            connection = kept.enter_context(socket.socket())
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.settimeout(3)
            connection.connect(("127.0.0.1", server.port))
            opened.append(connection)
            with contextlib.suppress(OSError):
                connection.sendall(begins)
            if count % 20 == 19:
                for each in opened:
                    with contextlib.suppress(OSError):
                        each.send(goes_on)
                probes.append(asked(server, HEALTH, wait=3).statuses)
                with contextlib.suppress(httpx.TransportError):
                    neighbour.get("/healthz")
        held = len(clients(server))
        return Crowd(held, probes, known in clients(server))


def _port(client: httpx.Client) -> int:
    pool = client._transport._pool  # type: ignore[attr-defined]
    stream = pool.connections[0]._connection._network_stream
    port: int = stream.get_extra_info("client_addr")[1]
    return port


def holds(found: Crowd) -> None:
    assert found.held <= ROOM + SPARE
    assert all(each == [200] for each in found.probes)
    assert found.neighbour_kept


CROWDS = {
    "silent": (b"", b""),
    "idle after a request": (b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", b""),
    "with slow uploads": (UPLOAD % (b"/predict", 1_000_000), b"a" * 1000),
    "never reading": (LARGE * 5, b""),
}


@pytest.mark.parametrize("name", CROWDS)
def test_who_fills_the_room_makes_room(record: Record, name: str) -> None:
    begins, goes_on = CROWDS[name]
    with Server(uncovered(), models_dir=str(MODELS), max_connections=ROOM) as server:
        found = crowd(server, begins, goes_on=goes_on)
        assert server.http.get("/readyz").status_code == 200
    record(f"{BOUND}: {name}", f"{ROOM} held, every probe answered, neighbours' connections kept", str(found))
    if name == "idle after a request":  # the neighbour is one of them, and not the one that waits longest
        found = Crowd(found.held, found.probes, neighbour_kept=True)
    holds(found)


def test_without_the_bound_all_are_held(record: Record) -> None:
    with Server(uncovered(), models_dir=str(MODELS), max_connections=100_000) as server:
        found = crowd(server, b"")
    record(f"{BOUND}, without the bound", "all are held", str(found))
    with pytest.raises(AssertionError):
        holds(found)


def test_the_bound_keeps_to_the_process_limit(record: Record) -> None:
    """128 open files are allowed: room for 64 connections."""
    with Server(uncovered(), models_dir=str(MODELS), changed=FEW_FILES) as server:
        found = crowd(server, b"")
        assert server.http.get("/static/page.js").status_code == 200
        assert server.http.post("/predict", files={"file": BOOT.read_bytes()}).status_code == 200
        warned = [each["message"] for each in server.logs() if each["level"] == "WARNING"]
    record(f"{BOUND}: few descriptors", "64 held, every probe answered, a warning", f"{found}; {warned}")
    assert found.held <= 66
    assert all(each == [200] for each in found.probes)
    assert warned == ["64 connections instead of 1000: the process may have 128 open files"]


def test_without_regard_to_the_process_limit_probes_are_lost(record: Record) -> None:
    changed = FEW_FILES + "import app.connections\napp.connections._bound = lambda wanted: wanted\n"
    with Server(uncovered(), models_dir=str(MODELS), changed=changed) as server:
        found = crowd(server, b"", number=160)
    record(f"{BOUND}: few descriptors, and no regard to it", "probes are lost", str(found))
    with pytest.raises(AssertionError):
        assert all(each == [200] for each in found.probes)


POINTS = ("nothing sent", "in the head", "after the head", "in the body", "before the answer", "in the answer", "in a pipeline")


def vanish(server: Server, chance: random.Random) -> str:
    """Begin a request and go, at some point, by a reset or a plain end."""
    point = chance.choice(POINTS)
    image = BOOT.read_bytes()
    path = chance.choice([b"/predict"] * 9 + [b"/predict?fit=garment", b"/predict?model=resnet", b"/explain"])
    whole = UPLOAD % (path, len(image)) + image
    head = whole.index(b"\r\n\r\n") + 4
    cut = {
        "nothing sent": 0,
        "in the head": chance.randrange(1, head),
        "after the head": head,
        "in the body": chance.randrange(head, len(whole)),
    }.get(point, len(whole))
    with connected(server) as connection:
        if chance.random() < 0.5:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if point == "in the answer":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.sendall(LARGE)
            connection.recv(chance.randrange(1, 4096))
        elif point == "in a pipeline":
            connection.sendall(whole * chance.randrange(2, 5) + LARGE * 3 + whole)
            if chance.random() < 0.5:
                connection.recv(1)
        else:
            connection.sendall(whole[:cut])
            if point == "before the answer" and chance.random() < 0.5:
                time.sleep(chance.random() * 0.003)
    return point


def test_clients_that_vanish(record: Record, soak: bool) -> None:
    count = 5000 if soak else 1000
    chance = random.Random(7)  # noqa: S311 - the same each time
    with Server(uncovered(), models_dir=str(MODELS)) as server:
        for _ in range(50):
            vanish(server, chance)
        settled(server)
        before, memory = descriptors(server), resident(server)
        points = Counter(vanish(server, chance) for _ in range(count))
        settled(server)
        left, grown = descriptors(server) - before, (resident(server) - memory) / 2**20
        flying = in_flight(server)
        answers = [
            server.http.post(f"/predict?model={name}", files={"file": BOOT.read_bytes()}).status_code for name in ("ann", "cnn", "resnet")
        ]
        bad = [each for each in server.logs() if each["level"] == "ERROR"]
        began = time.monotonic()
        status, stopped = server.stop(), time.monotonic() - began
    figures = f"{points.total():,} of {len(points)} kinds: {flying} in flight after, {left} descriptors left, "
    figures += f"memory {grown:+.1f} MB, {len(bad)} errors"
    record(VANISH, "abort at random points: no error, no leak, none in flight, a quick stop", f"{figures}, stopped in {stopped:.1f} s")
    assert not bad, bad[0]
    assert flying == 0
    assert left <= 2
    assert grown < 30
    assert answers == [200, 200, 200]
    assert status in (0, -15)
    assert stopped < 10


def settled(server: Server) -> None:
    """Wait until nothing is in flight, or long enough."""
    for _ in range(100):
        if in_flight(server) == 0 and len(clients(server)) == 1:
            return
        time.sleep(0.1)


VANISHED_BEHIND = """
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
import app.connection
app.connection.Connection.connection_lost = lambda self, exc: (self._watch.forget(self), HttpToolsProtocol.connection_lost(self, exc))
"""


def test_without_telling_every_request_one_stays(record: Record) -> None:
    """uvicorn tells the last one read that its client has gone: not the one being answered before it."""
    with Server(uncovered(), models_dir=str(MODELS), changed=VANISHED_BEHIND, graceful_shutdown_seconds=1) as server:
        for _ in range(20):
            with connected(server) as connection:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                connection.sendall(LARGE * 6)
                connection.recv(100)
        time.sleep(2)
        flying, bad = in_flight(server), sum(each["level"] == "ERROR" for each in server.logs())
    record(f"{VANISH}, by uvicorn's own protocol", "some stay or fail", f"{flying} in flight after, {bad} errors")
    assert flying or bad


def growth(server: Server, count: int) -> list[float]:
    """Resident memory in MB over `count` requests of several kinds, at 40 points."""
    image = BOOT.read_bytes()
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    found = []
    for number in range(count):
        match number % 20:
            case 0:
                connection.request("GET", "/models/cnn")
            case 1:
                connection.request("POST", "/predict", image[:-100], PNG)
            case 2:
                connection.request("POST", "/predict?fit=garment", image, PNG)
            case 3:
                connection.request("GET", f"/nowhere/{number}", headers={"X-Request-ID": str(number)})
            case 4:
                connection.request("POST", "/predict", form(part(content=image)), {"Content-Type": "multipart/form-data; boundary=b"})
            case kind:
                connection.request("POST", "/predict?model=" + ("ann" if kind % 2 else "cnn"), image, PNG)
        connection.getresponse().read()
        if number % (count // 40) == 0:
            found.append(resident(server) / 2**20)
    connection.close()
    return found


def slope(found: list[float], count: int) -> float:
    """MB per 10,000 requests, over the second half."""
    half = found[len(found) // 2 :]
    return float(np.polyfit(np.arange(len(half)), half, 1)[0]) * len(found) / count * 10_000


def steady(mb_per_10_000: float) -> None:
    assert mb_per_10_000 < 5


def test_memory_stays(record: Record, soak: bool) -> None:
    count = 100_000 if soak else 5000
    with Server(uncovered(), models_dir=str(MODELS)) as server:
        found = growth(server, count)
    figure = slope(found, count)
    record(
        MEMORY,
        "second half below 5 MB per 10,000",
        f"{count:,} requests: {figure:+.2f} MB per 10,000, from {found[0]:.0f} to {found[-1]:.0f} MB",
    )
    steady(figure)


def test_without_care_memory_grows(record: Record) -> None:
    """Two kilobytes kept of each request."""
    changed = """
import app.request_context as context
kept, call = [], context.RequestContext.__call__
async def leaking(self, scope, receive, send):
    kept.append(bytearray(2048))
    await call(self, scope, receive, send)
context.RequestContext.__call__ = leaking
"""
    with Server(uncovered(), models_dir=str(MODELS), changed=changed) as server:
        figure = slope(growth(server, 3000), 3000)
    record(f"{MEMORY}, with a leak", "more", f"{figure:+.2f} MB per 10,000")
    with pytest.raises(AssertionError):
        steady(figure)
