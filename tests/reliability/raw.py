"""Bytes to a server over a plain socket, and what comes back."""

from __future__ import annotations

import contextlib
import re
import socket
from dataclasses import dataclass
from pathlib import Path

from tests.server import Server

MIB = 2**20
PLAIN_UVICORN = """
import uvicorn
run = uvicorn.run
uvicorn.run = lambda application, **options: run(application, **{**options, "http": "httptools"})
"""
"""For a control: the service on uvicorn's own protocol, without what `app/connection.py` adds."""

_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")


@dataclass(frozen=True)
class Answer:
    """What came back, and whether the server closed the connection within the time given."""

    content: bytes
    closed: bool

    @property
    def statuses(self) -> list[int]:
        """Of all answers: none of the service's own contents has a status line in it."""
        return [int(each) for each in _STATUS.findall(self.content)]


def connected(server: Server, timeout: float = 10) -> socket.socket:
    """A new connection."""
    return socket.create_connection(("127.0.0.1", server.port), timeout=timeout)


def asked(server: Server, *pieces: bytes, wait: float = 10, answers: int = 0) -> Answer:
    """Send the pieces, each once the one before can have been read; read until it closes, `answers` have come or `wait` is over."""
    with connected(server, wait) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        content, closed = b"", False
        try:
            for number, piece in enumerate(pieces):
                if number:
                    server.http.get("/pause")  # by now it has read it
                connection.sendall(piece)
        except OSError:
            closed = True
        try:
            while not answers or len(_STATUS.findall(content)) < answers:
                received = connection.recv(65536)
                if not received:
                    closed = True
                    break
                content += received
        except TimeoutError:
            pass
        except OSError:
            closed = True
        return Answer(content, closed)


def descriptors(server: Server) -> int:
    """How many files and connections the server has open."""
    return len(list(Path(f"/proc/{server.process.pid}/fd").iterdir()))


def clients(server: Server) -> set[int]:
    """The clients' ports of the connections that the server has open; also of one whose client does not read."""
    sockets = set()
    for each in Path(f"/proc/{server.process.pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            sockets.add(str(each.readlink()).removeprefix("socket:[").removesuffix("]"))
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {int(row[2].rpartition(":")[2], 16) for row in rows if row[9] in sockets}


def bytes_read(server: Server) -> int:
    """What the server has read so far, connections included, in bytes."""
    [line] = [each for each in Path(f"/proc/{server.process.pid}/io").read_text().splitlines() if each.startswith("rchar")]
    return int(line.split()[1])


def resident(server: Server) -> int:
    """The server's memory, in bytes."""
    [line] = [each for each in Path(f"/proc/{server.process.pid}/status").read_text().splitlines() if each.startswith("VmRSS")]
    return 1024 * int(line.split()[1])


def in_flight(server: Server) -> int:
    """Requests that are being answered, without the one that asks."""
    text = server.http.get("/telemetry").text
    [line] = [each for each in text.splitlines() if each.startswith("wardrobe_http_requests_in_flight ")]
    return int(float(line.split()[1])) - 1
