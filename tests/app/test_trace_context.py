from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from app.trace_context import ids
from tests.server import Server

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
FOUND = {"trace_id": TRACE, "parent_span_id": PARENT}


def given(header: str) -> list[tuple[bytes, bytes]]:
    return [(b"host", b"localhost"), (b"traceparent", header.encode())]


@pytest.mark.parametrize(
    "header",
    [
        f"00-{TRACE}-{PARENT}-01",
        f"00-{TRACE}-{PARENT}-00",
        f"00-{TRACE}-{PARENT}-ff",
        f"01-{TRACE}-{PARENT}-01",
        f"cc-{TRACE}-{PARENT}-01-what-the-future-will-be-like",
        f"cc-{TRACE}-{PARENT}-01-",
    ],
)
def test_a_valid_one_is_read(header: str) -> None:
    assert ids(given(header)) == FOUND


@pytest.mark.parametrize(
    "header",
    [
        "",
        "x",
        f"00-{TRACE}-{PARENT}",
        f"00-{TRACE}-{PARENT}-1",
        f"00-{TRACE}-{PARENT}-01-",
        f"00-{TRACE}-{PARENT}-01-more",
        f"cc-{TRACE}-{PARENT}-01.more",
        f"cc-{TRACE}-{PARENT}-012",
        f"ff-{TRACE}-{PARENT}-01",
        f"00-{TRACE.upper()}-{PARENT}-01",
        f"0X-{TRACE}-{PARENT}-01",
        f"00-{TRACE}-{PARENT}-0x",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE[:-1]}-{PARENT}-01",
        f"00-{TRACE}-{PARENT[:-1]}-01",
        f"00-{TRACE[:-1]}g-{PARENT}-01",
        f" 00-{TRACE}-{PARENT}-01",
        f"00-{TRACE}-{PARENT}-01\n",
        f"00_{TRACE}_{PARENT}_01",
    ],
)
def test_any_other_is_ignored(header: str) -> None:
    assert ids(given(header)) == {}


def test_none_and_two_are_ignored() -> None:
    assert ids([]) == {}
    assert ids(given(f"00-{TRACE}-{PARENT}-01") * 2) == {}
    assert ids([(b"tracestate", b"vendor=1")]) == {}


def test_log_lines_have_the_ids(models: Path) -> None:
    with Server(models_dir=str(models)) as server:
        server.http.get("/healthz", headers={"traceparent": f"00-{TRACE}-{PARENT}-01", "X-Request-ID": "with"})
        server.http.get("/healthz", headers={"traceparent": f"00-{TRACE}-{PARENT}", "X-Request-ID": "broken"})
        twice = httpx.Headers([("traceparent", f"00-{TRACE}-{PARENT}-01")] * 2 + [("X-Request-ID", "twice")])
        server.http.get("/healthz", headers=twice)
        server.http.get("/healthz", headers={"X-Request-ID": "without"})
        server.stop()
        lines = {each.get("request_id"): each for each in server.logs()}
    assert {name: lines["with"][name] for name in FOUND} == FOUND
    for each in ("broken", "twice", "without"):
        assert not FOUND.keys() & lines[each].keys()
