"""Who may come in: keys, host names, other sites' pages.

The long form guesses 20,000 keys, a minute; the rest is the same.
"""

from __future__ import annotations

import secrets
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from tests import data
from tests.app.keys import BEARER, KEY, key_file
from tests.conftest import MODELS
from tests.reliability.conftest import Record
from tests.reliability.operations import PROBES, operations
from tests.server import Server

BOOT = data.BOOT.read_bytes()
ANSWERED_TO_ALL = {*PROBES, "/", "/docs", "/openapi.json"}


@dataclass
class Strangers:
    """What came in without a key, and with guessed ones."""

    tried: int = 0
    let_in: list[str] = field(default_factory=list)


def strangers(server: Server, guesses: int) -> Strangers:
    seen = Strangers()
    for method, path in operations(server):
        for headers in ({}, {"Authorization": "Bearer guess"}, {"X-API-Key": KEY[:-1]}):
            if path not in ANSWERED_TO_ALL:
                seen.tried += 1
                if server.http.request(method, path, headers=headers).status_code != 401:
                    seen.let_in.append(f"{method} {path}")
    for _ in range(guesses):
        seen.tried += 1
        if server.http.get("/models", headers={"X-API-Key": f"wardrobe_{secrets.token_urlsafe(32)}"}).status_code != 401:
            seen.let_in.append("a guessed key")
    return seen


def nobody_came_in(seen: Strangers) -> None:
    assert seen.let_in == []
    assert seen.tried > 100


def test_nothing_is_answered_without_a_key(tmp_path: Path, record: Record, soak: bool) -> None:
    with Server(models_dir=str(MODELS), api_keys=str(key_file(tmp_path))) as server:
        seen = strangers(server, 20_000 if soak else 500)
        known = server.http.post("/predict", files={"file": BOOT}, headers=BEARER)
    record(
        "Who may come in: keys",
        "every route but probes and pages: 401 without a known key",
        f"{seen.tried:,} tries, {len(seen.let_in)} let in",
    )
    nobody_came_in(seen)
    assert known.json()["label"] == "Ankle boot"


def test_without_keys(server: Server) -> None:
    seen = strangers(server, 0)
    with pytest.raises(AssertionError):
        nobody_came_in(seen)


@dataclass
class Refused:
    """How a refusal of a request with a body went: seconds until the whole answer, and bytes of the body that were taken."""

    answer: bytes
    seconds: float
    taken: int


HEAD = "POST /predict HTTP/1.1\r\nHost: wardrobe\r\nContent-Type: image/png\r\n"
ENDLESS = 2**25
"""Bytes that are sent, if they are taken: more than all buffers between."""


def refused(server: Server, framing: str, send: int) -> Refused:
    """A request without a key whose body of `send` bytes comes only after its answer, if it is still wanted."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        began = time.perf_counter()
        connection.sendall(f"{HEAD}{framing}\r\n\r\n".encode())
        answer = connection.recv(65536)
        seconds = time.perf_counter() - began
        taken = 0
        connection.settimeout(5)
        chunk = bytes(65536) if "chunked" not in framing else b"10000\r\n" + bytes(65536) + b"\r\n"
        try:
            while taken < send:
                taken += connection.send(chunk)
        except OSError:  # closed, or not read for seconds
            pass
    return Refused(answer, seconds, taken)


def its_body_is_left_alone(seen: Iterable[Refused]) -> None:
    for each in seen:
        assert each.answer.startswith(b"HTTP/1.1 401 ")
        assert b"\r\nconnection: close\r\n" in each.answer.lower()
        assert b"100 Continue" not in each.answer
        assert each.taken < ENDLESS // 2
        assert each.seconds < 5


FRAMINGS = ("Content-Length: 16000000", "Transfer-Encoding: chunked", "Content-Length: 1000\r\nExpect: 100-continue")


def test_a_refused_request_is_answered_before_its_body(tmp_path: Path, record: Record) -> None:
    with Server(models_dir=str(MODELS), api_keys=str(key_file(tmp_path))) as server:
        seen = [refused(server, framing, ENDLESS) for framing in FRAMINGS]
    slowest, most = max(each.seconds for each in seen), max(each.taken for each in seen)
    record(
        "Who may come in: body of a refused request",
        "401 before any of the body, connection closed",
        f"answered after {1000 * slowest:.1f} ms, at most {most / 2**20:.1f} MiB into the socket",
    )
    its_body_is_left_alone(seen)


def test_without_closing_the_body_is_read_after_all(tmp_path: Path) -> None:
    changed = """
import app.access, app.body_limits
app.access._has_body = lambda headers: False
app.body_limits.BodyLimits.at = lambda self, path: 2**40
"""
    with Server(models_dir=str(MODELS), api_keys=str(key_file(tmp_path)), changed=changed) as server:
        seen = refused(server, "Transfer-Encoding: chunked", ENDLESS)
    assert seen.taken >= ENDLESS
    with pytest.raises(AssertionError):
        its_body_is_left_alone([seen])


@dataclass
class Rebound:
    """Statuses by path, of requests under a name that someone else made lead here; those of probes apart."""

    pages: dict[str, int]
    probes: dict[str, int]


def rebound(server: Server) -> Rebound:
    paths = ["/", "/docs", "/openapi.json", "/static/page.js", *(path for method, path in operations(server) if method == "GET")]
    answers = {path: server.http.get(path, headers={"Host": f"rebound.example:{server.port}"}).status_code for path in paths}
    probes = {path: answers.pop(path) for path in PROBES}
    return Rebound(answers, probes)


def it_gets_nothing(seen: Rebound) -> None:
    assert set(seen.pages.values()) == {421}
    assert set(seen.probes.values()) == {200}


def test_another_name_for_the_service_gets_nothing(record: Record) -> None:
    with Server(models_dir=str(MODELS), trusted_hosts=["wardrobe.example", "127.0.0.1"]) as server:
        seen = rebound(server)
        ours = server.http.get("/models", headers={"Host": "wardrobe.example"}).status_code
    record(
        "Cross-site POST, Host: DNS rebinding",
        "421 for an unknown host, but for probes",
        f"{len(seen.pages)} paths, {set(seen.pages.values())}",
    )
    it_gets_nothing(seen)
    assert ours == 200


def test_without_trusted_hosts(server: Server) -> None:
    seen = rebound(server)
    with pytest.raises(AssertionError):
        it_gets_nothing(seen)


def forged(server: Server) -> list[httpx.Response]:
    """A form that another site's page has a browser send, as newer and older browsers tell of it, and what such a page asks before."""
    newer = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Origin": "https://evil.example"}
    sibling = {**newer, "Sec-Fetch-Site": "same-site", "Origin": f"http://127.0.0.1:{server.port + 1}"}
    older = {"Origin": "https://evil.example"}
    sandboxed = {"Origin": "null"}
    asking = {**newer, "Sec-Fetch-Mode": "cors", "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-api-key"}
    forms = [
        server.http.request(method, path, files={"file": BOOT}, headers=headers)
        for headers in (newer, sibling, older, sandboxed)
        for method, path in operations(server)
        if method == "POST"
    ]
    return [*forms, server.http.options("/predict", headers=asking)]


def all_are_refused(answers: list[httpx.Response]) -> None:
    for each in answers:
        assert each.status_code == 403
        assert not [name for name in each.headers if name.startswith("access-control-")]


def test_another_sites_post_is_refused(server: Server, record: Record) -> None:
    answers = forged(server)
    program = server.http.post("/predict", files={"file": BOOT})
    own = server.http.post(
        "/predict", files={"file": BOOT}, headers={"Sec-Fetch-Site": "same-origin", "Origin": f"http://127.0.0.1:{server.port}"}
    )
    record(
        "Cross-site POST, Host",
        "cross-site 403; curl without the header 200",
        f"{len(answers)} forged: { ({each.status_code for each in answers}) }; without the header {program.status_code}",
    )
    all_are_refused(answers)
    assert (program.status_code, own.status_code) == (200, 200)
    assert not [name for answer in (program, own) for name in answer.headers if name.startswith("access-control-")]


def test_without_the_check_another_sites_post_is_answered() -> None:
    with Server(models_dir=str(MODELS), changed="import app.access\napp.access.is_cross_site = lambda *_: False\n") as server:
        answers = forged(server)
    with pytest.raises(AssertionError):
        all_are_refused(answers)
