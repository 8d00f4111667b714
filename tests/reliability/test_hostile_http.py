"""Requests that try to be read as something else, over plain sockets: each is answered once, or refused and its connection closed.

Both forms take some ten seconds.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest

from tests.conftest import MODELS
from tests.reliability.conftest import Record
from tests.reliability.raw import PLAIN_UVICORN, Answer, asked, resident
from tests.server import Server

SMUGGLING, NAMES, IDS, SIZES = "Request smuggling shapes", "Model as code, traversal", "Log and header injection", "Huge heads"
HOST = b"Host: x\r\n"
HIDDEN = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
HEALTH = b"GET /healthz HTTP/1.1\r\n" + HOST
POST = b"POST /predict HTTP/1.1\r\n" + HOST + b"Content-Type: image/png\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n"
LENGTH = b"Content-Length: %d\r\n" % len(HIDDEN)
UPGRADE = b"Connection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nUpgrade: h2c\r\n"
CLOSE = b"Connection: close\r\n"


@dataclass(frozen=True)
class Shape:
    """What is sent, in pieces, and the statuses that come back; all of it is in one request, or none of it."""

    pieces: tuple[bytes, ...]
    statuses: tuple[int, ...]


def refused(*pieces: bytes) -> Shape:
    return Shape(pieces, (400,))


SHAPES = {
    # a body by both lengths, or by an odd one: what is behind it must not be read as a request
    "CL.TE": refused(CHUNKED + b"Content-Length: 4\r\n\r\n0\r\n\r\n" + HIDDEN),
    "TE.CL": refused(POST + LENGTH + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + HIDDEN),
    "CL.TE in HTTP/1.0": refused(CHUNKED.replace(b"/1.1", b"/1.0") + b"Content-Length: 4\r\n\r\n0\r\n\r\n" + HIDDEN),
    "two TE": refused(CHUNKED + b"Transfer-Encoding: identity\r\n\r\n0\r\n\r\n" + HIDDEN),
    "TE xchunked": refused(POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + HIDDEN),
    "TE quoted": refused(POST + b'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n' + HIDDEN),
    "TE chunked first": refused(POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n" + HIDDEN),
    "TE behind a vertical tab": refused(POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n" + HIDDEN),
    "TE before a space": refused(POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + HIDDEN),
    "TE folded": refused(POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n" + HIDDEN),
    "two CL": refused(POST + LENGTH + b"Content-Length: 0\r\n\r\n" + HIDDEN),
    "the same CL twice": refused(POST + LENGTH * 2 + b"\r\n" + HIDDEN),
    "CL as a list": refused(POST + b"Content-Length: 0, 0\r\n\r\n" + HIDDEN),
    **{
        f"CL {value.decode()!r}": refused(POST + b"Content-Length: " + value + b"\r\n\r\n" + HIDDEN)
        for value in (b"-1", b"+4", b"0x4", b"4 4", b"1e3", b"4.0", b"\xc2\xb2", b"99999999999999999999999", b"")
    },
    # lines that one reads as one and another as two
    "bare LF": refused(b"GET /healthz HTTP/1.1\nHost: x\n\n"),
    "CR in a header": refused(HEALTH + b"A: b\rC: d\r\n\r\n"),
    "LF in a header": refused(HEALTH + b"A: b\nC: d\r\n\r\n"),
    "NUL in a header": refused(HEALTH + b"A: b\0\r\n\r\n"),
    "a space before the colon": refused(HEALTH + b"A : b\r\n\r\n"),
    "a line that is folded": refused(HEALTH + b"A: b\r\n c\r\n\r\n"),
    "a header without a name": refused(HEALTH + b": b\r\n\r\n"),
    "two spaces in the request line": Shape((b"GET  /healthz HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n",), (200,)),
    # chunks
    "a chunk's size that is none": refused(CHUNKED + b"\r\nzz\r\n" + HIDDEN),
    "a negative chunk": refused(CHUNKED + b"\r\n-1\r\n" + HIDDEN),
    "a chunk longer than memory": refused(CHUNKED + b"\r\nfffffffffffffffff\r\n" + HIDDEN),
    "a chunk longer than its size": refused(CHUNKED + b"\r\n1\r\nab\r\n0\r\n\r\n" + HIDDEN),
    "LF in a chunk's extension": refused(CHUNKED + b"\r\n0;a\nb\r\n\r\n" + HIDDEN),
    "a length as trailer": refused(CHUNKED + b"\r\n0\r\nContent-Length: 4\r\n\r\n" + HIDDEN),
    "a chunk's extension": Shape((CHUNKED + CLOSE + b'\r\n4;a="b"\r\nabcd\r\n0\r\n\r\n',), (415,)),
    # what is no HTTP/1.1
    "HTTP/2": refused(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"),
    "TLS": refused(bytes.fromhex("16030100c4010000c00303")),
    "HTTP/1.2": refused(b"GET /healthz HTTP/1.2\r\n" + HOST + b"\r\n"),
    "CONNECT": refused(b"CONNECT x:80 HTTP/1.1\r\n" + HOST + b"\r\n" + HIDDEN),
    "an unknown method": refused(b"FOO /healthz HTTP/1.1\r\n" + HOST + b"\r\n"),
    "an absolute target": Shape((b"GET http://elsewhere/healthz HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n",), (200,)),
    # another protocol is asked for, and HTTP/1.1 goes on: the body belongs to its request, what follows is the next
    "h2c": Shape((HEALTH + UPGRADE + b"\r\n" + HEALTH + CLOSE + b"\r\n",), (200, 200)),
    "h2c in two pieces": Shape((HEALTH + UPGRADE + b"\r\n", HEALTH + CLOSE + b"\r\n"), (200, 200)),
    "h2c with a body": Shape((POST + UPGRADE + LENGTH + b"\r\n" + HIDDEN, HEALTH + CLOSE + b"\r\n"), (415, 200)),
    "h2c with a body in the next piece": Shape((POST + UPGRADE + LENGTH + b"\r\n", HIDDEN, HEALTH + CLOSE + b"\r\n"), (415, 200)),
    "h2c with chunks": Shape(
        (CHUNKED + UPGRADE + b"\r\n", b"%x\r\n%b\r\n0\r\n\r\n" % (len(HIDDEN), HIDDEN) + HEALTH + CLOSE + b"\r\n"), (415, 200)
    ),
    "websocket": Shape(
        (
            HEALTH + b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AA==\r\n\r\n",
            HEALTH + CLOSE + b"\r\n",
        ),
        (200, 200),
    ),
    # pipelines
    "ten at once": Shape(((HEALTH + b"\r\n") * 9 + HEALTH + CLOSE + b"\r\n",), (200,) * 10),
    "rubbish behind a request": Shape((HEALTH + b"\r\nrubbish\r\n\r\n" + HIDDEN,), (200,)),
    "a request behind the last": Shape((HEALTH + CLOSE + b"\r\n" + HIDDEN,), (200,)),
    "a request behind a broken body": refused(CHUNKED + b"\r\n4\r\nabcd\r\nzz\r\n" + HIDDEN),
    # the host
    "no Host": refused(b"GET /healthz HTTP/1.1\r\n\r\n"),
    "two Hosts": refused(HEALTH + b"Host: y\r\n\r\n"),
    "a Host with CR": refused(b"GET /healthz HTTP/1.1\r\nHost: x\ry\r\n\r\n"),
    "an empty Host": Shape((b"GET /healthz HTTP/1.1\r\nHost: \r\n" + CLOSE + b"\r\n",), (200,)),
    "a Host of 10 kB": Shape((b"GET /healthz HTTP/1.1\r\nHost: " + b"x" * 10_000 + b"\r\n" + CLOSE + b"\r\n",), (200,)),
}


@dataclass
class Outcome:
    """What came back for a shape, and what the server's log says that it was asked."""

    answer: Answer
    logged: list[tuple[str, int]]

    def __str__(self) -> str:
        return f"{self.answer.statuses}, {'closed' if self.answer.closed else 'open'}, logged as {self.logged}"


def outcome(server: Server, shape: Shape) -> Outcome:
    before = len(server.logs())
    answer = asked(server, *shape.pieces, wait=3)
    server.http.get("/last")  # a line is written after its answer, but before that of the next
    lines: list[dict[str, Any]] = []
    while not any(each.get("path") == "/last" for each in lines):
        lines = server.logs()[before:]
    assert not [each for each in lines if each["level"] == "ERROR"]
    paths = [(each["path"], each["status"]) for each in lines if each["message"] == "request"]
    return Outcome(answer, [each for each in paths if each[0] not in ("/pause", "/last")])


def holds(found: Outcome, shape: Shape) -> None:
    """Each request is answered once, in order, and nothing that is none is taken for one."""
    assert found.answer.statuses == list(shape.statuses), found
    assert found.answer.closed, found
    assert "/smuggled" not in [path for path, _ in found.logged], found
    if shape.statuses == (400,):
        assert all(status == 499 for _, status in found.logged), found  # at most its head was one
    else:
        assert [status for _, status in found.logged] == list(shape.statuses), found


def test_nothing_is_smuggled(server: Server, record: Record) -> None:
    found = {name: outcome(server, shape) for name, shape in SHAPES.items()}
    counts = Counter(status for each in found.values() for status in each.answer.statuses)
    figures = ", ".join(f"{count} x {status}" for status, count in sorted(counts.items()))
    record(
        SMUGGLING, "each request answered once, all else 400 and closed, none counted that was not sent", f"{len(SHAPES)} shapes: {figures}"
    )
    for name, shape in SHAPES.items():
        holds(found[name], shape)


UNSAFE = ["h2c", "h2c with a body", "h2c with a body in the next piece", "rubbish behind a request", "two Hosts"]


@pytest.mark.long
def test_without_our_protocol_something_is(record: Record) -> None:
    """uvicorn's own takes the body of a request that asks for another protocol for the next request."""
    with Server(models_dir=str(MODELS), changed=PLAIN_UVICORN) as server:
        found = {name: outcome(server, SHAPES[name]) for name in UNSAFE}
    record(f"{SMUGGLING}, by uvicorn's own protocol", "not so", "; ".join(f"{name}: {each}" for name, each in found.items()))
    assert any(path == "/smuggled" for each in found.values() for path, _ in each.logged)
    for name, each in found.items():
        with pytest.raises(AssertionError):
            holds(each, SHAPES[name])


HEADS = {
    "one header of 10 MB": HEALTH + b"A: " + b"a" * 10_000_000 + b"\r\n\r\n",
    "one header of 70 kB": HEALTH + b"A: " + b"a" * 70_000 + b"\r\n\r\n",
    "one name of 70 kB": HEALTH + b"a" * 70_000 + b": a\r\n\r\n",
    "100,000 headers": HEALTH + b"a: b\r\n" * 100_000 + b"\r\n",
    "101 headers": HEALTH + b"a: b\r\n" * 100 + b"\r\n",
    "a target of 1 MB": b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "a head of 10 MB that never ends": HEALTH + b"a: b\r\n" * 1_600_000,
}


def test_a_huge_head_is_refused(server: Server, record: Record) -> None:
    before = resident(server)
    found = {name: asked(server, head, wait=10) for name, head in HEADS.items()}
    grown = (resident(server) - before) / 2**20
    figures = Counter(str(each.statuses or "closed") for each in found.values())
    record(SIZES, "431 or closed, memory bounded", f"{', '.join(f'{n} x {each}' for each, n in figures.items())}; memory {grown:+.0f} MB")
    for name, each in found.items():
        assert each.closed, name
        assert each.statuses in ([431], []), name  # an answer may be lost, where the client was still sending
    assert grown < 20
    allowed = HEALTH + b"A: " + b"a" * 60_000 + b"\r\n" + b"a: b\r\n" * 90 + CLOSE + b"\r\n"
    assert asked(server, allowed).statuses == [200]


def test_without_our_protocol_it_is_read(record: Record) -> None:
    with Server(models_dir=str(MODELS), changed=PLAIN_UVICORN) as server:
        statuses = [asked(server, HEADS[name], answers=1).statuses for name in ("one header of 10 MB", "101 headers")]
    record(f"{SIZES}, by uvicorn's own protocol", "read", str(statuses))
    assert statuses == [[200], [200]]
