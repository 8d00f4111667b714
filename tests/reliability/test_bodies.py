"""Bodies that are longer than they may be, or than they say, and more of them than fit. Both forms take some twenty seconds."""

from __future__ import annotations

import contextlib
import socket
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import MODELS
from tests.data import BOOT
from tests.reliability.conftest import Record
from tests.reliability.raw import MIB, PLAIN_UVICORN, bytes_read, connected, in_flight, resident
from tests.server import Server, uncovered

HUGE, ABUSE, FUZZ = "Huge upload", "Multipart abuse", "Malformed multipart"
GIGABYTE = 1024 * MIB
PICTURE_LIMIT, TENSOR_LIMIT = 16 * MIB, 40 * MIB
IMAGE, FORM, JSON = b"image/png", b"multipart/form-data; boundary=b", b"application/json"
PART = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
MEMORY = 64 * MIB
"""Three times what may be held of a picture, and what the interpreter does not give back."""


@dataclass(frozen=True)
class Upload:
    """A request with a long body: `chunked`, or with the length that its head claims."""

    target: bytes
    kind: bytes
    claims: int | None
    sends: int = GIGABYTE
    begins: bytes = b""
    method: bytes = b"POST"

    @property
    def head(self) -> bytes:
        length = b"Transfer-Encoding: chunked" if self.claims is None else b"Content-Length: %d" % self.claims
        return b"%b %b HTTP/1.1\r\nHost: x\r\nContent-Type: %b\r\n%b\r\n\r\n" % (self.method, self.target, self.kind, length)


UPLOADS = {
    "by its length": Upload(b"/predict", IMAGE, GIGABYTE),
    "chunked": Upload(b"/predict", IMAGE, None),
    "a chunked form": Upload(b"/predict", FORM, None, begins=PART),
    "a chunked batch": Upload(b"/predict/batch", FORM, None, begins=PART.replace(b'"file"', b'"files"')),
    "tensors by their length": Upload(b"/v2/models/cnn/infer", JSON, GIGABYTE),
    "chunked tensors": Upload(b"/v2/models/cnn/infer", JSON, None),
    "chunked, to /v1": Upload(b"/v1/models/cnn:predict", JSON, None),
    "chunked, to nowhere": Upload(b"/nowhere", IMAGE, None),
    "chunked, of a wrong type": Upload(b"/predict", b"text/plain", None),
    "chunked, with GET": Upload(b"/healthz", IMAGE, None, method=b"GET"),
    "chunked, with GET of a file": Upload(b"/static/page.js", IMAGE, None, method=b"GET"),
    "a length too small": Upload(b"/predict", IMAGE, 10),
    "a length of 20 digits": Upload(b"/predict", IMAGE, 2**64 - 1),
}


@dataclass(frozen=True)
class Taken:
    """What a server did with an upload; bytes."""

    statuses: list[int]
    problem: bool
    closed: bool
    read: int
    grown: int
    limit: int

    def __str__(self) -> str:
        return f"{self.statuses or 'closed'} after {self.read / MIB:.1f} MiB"


def send(server: Server, upload: Upload, wait: float = 20) -> Taken:
    """Send until the server closes. What it read is counted by its kernel, so that buffers on the way are not in it."""
    memory, read = resident(server), bytes_read(server)
    piece = bytes(MIB)
    if upload.claims is None:
        piece = b"%x\r\n%b\r\n" % (MIB, piece)
    content, closed = b"", False
    with connected(server, wait) as connection:
        connection.sendall(upload.head)
        try:
            if upload.begins:
                connection.sendall(b"%x\r\n%b\r\n" % (len(upload.begins), upload.begins))
            for _ in range(upload.sends // MIB):
                connection.sendall(piece)
        except OSError:
            closed = True
        try:
            while received := connection.recv(65536):
                content += received
            closed = True
        except TimeoutError:
            pass
        except OSError:
            closed = True
    statuses = [int(each[9:12]) for each in content.split(b"\r\n") if each.startswith(b"HTTP/1.1 ")]
    is_problem = b"application/problem+json" in content or (upload.target.startswith(b"/v") and b'{"error":' in content)
    limit = TENSOR_LIMIT if upload.target.startswith(b"/v") else PICTURE_LIMIT
    return Taken(statuses, is_problem, closed, bytes_read(server) - read, resident(server) - memory, limit)


def holds(taken: Taken) -> None:
    assert taken.closed
    assert taken.read < taken.limit + MIB
    assert all(status < 500 for status in taken.statuses)


@pytest.mark.parametrize("name", UPLOADS)
def test_a_gigabyte_is_not_read(watched: Server, folder: Path, record: Record, name: str) -> None:
    taken = send(watched, UPLOADS[name])
    record(
        f"{HUGE}: {name}",
        "413 or the answer to its head, less than the limit and 1 MiB read, nothing in /tmp",
        f"{taken}, memory {taken.grown / MIB:+.0f} MB",
    )
    holds(taken)
    upload = UPLOADS[name]
    if upload.target.startswith((b"/predict", b"/v")) and upload.kind != b"text/plain" and upload.claims != 10:
        assert taken.statuses == [413]
        assert taken.problem
    assert taken.grown < MEMORY + (3 * TENSOR_LIMIT if taken.limit == TENSOR_LIMIT else 0)
    assert not list(folder.iterdir())
    assert watched.http.post("/predict", files={"file": BOOT.read_bytes()}).status_code == 200


def test_without_the_limit_it_is_read(record: Record) -> None:
    with Server(uncovered(), models_dir=str(MODELS), max_body_bytes=2**31, slack_seconds=1) as server:
        taken = send(server, Upload(b"/predict", IMAGE, None, sends=64 * MIB))
    record(f"{HUGE}, without the limit", "all is read", str(taken))
    with pytest.raises(AssertionError):
        holds(taken)


def test_without_our_protocol_what_nobody_wants_is_read(record: Record) -> None:
    with Server(uncovered(), models_dir=str(MODELS), changed=PLAIN_UVICORN) as server:
        taken = send(server, Upload(b"/nowhere", IMAGE, None, sends=64 * MIB), wait=2)
    record(f"{HUGE}, unwanted, by uvicorn's own protocol", "all is read", str(taken))
    with pytest.raises(AssertionError):
        holds(taken)


def test_a_length_too_large_and_then_the_end(watched: Server) -> None:
    """The client says that it has no more: it hung up."""
    with connected(watched) as connection:
        connection.sendall(Upload(b"/predict", IMAGE, 1000).head + b"abc")
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(65536) == b""
    assert in_flight(watched) == 0


HOLDERS = 14


def held_together(server: Server) -> list[int]:
    """What answers come to `HOLDERS` clients that have each sent 15 MiB of 16 and go on, all at once, and then end."""
    kept = [connected(server) for _ in range(HOLDERS)]
    head = Upload(b"/predict", IMAGE, PICTURE_LIMIT).head
    answers = []
    for each in kept:
        each.sendall(head)
    for _ in range(15):
        for each in kept:
            with contextlib.suppress(OSError):
                each.sendall(bytes(MIB))
    for each in kept:
        with contextlib.suppress(OSError):
            each.sendall(bytes(MIB))
    for each in kept:
        with each:
            try:
                answers.append(int(each.recv(65536)[9:12]))
            except (OSError, ValueError):
                answers.append(0)
    return answers


def test_all_bodies_together_are_bounded(record: Record) -> None:
    """224 MiB come at once, of which the server may hold 128."""
    with Server(uncovered(), models_dir=str(MODELS)) as server:
        answers = held_together(server)
        peak = _peak(server)
        assert server.http.post("/predict", files={"file": BOOT.read_bytes()}).status_code == 200
    with Server(uncovered(), models_dir=str(MODELS), max_held_bytes=2**40) as control:
        without = held_together(control)
        peak_without = _peak(control)
    figures = f"{dict(Counter(answers))}, peak memory {peak / MIB:.0f} MB; "
    figures += f"without the bound {dict(Counter(without))}, {peak_without / MIB:.0f} MB"
    record("Bodies of all clients together", "beyond the bound 429, memory bounded", figures)
    assert 429 in answers
    assert 429 not in without
    assert peak < peak_without


def _peak(server: Server) -> int:
    [line] = [each for each in Path(f"/proc/{server.process.pid}/status").read_text().splitlines() if each.startswith("VmHWM")]
    return 1024 * int(line.split()[1])
