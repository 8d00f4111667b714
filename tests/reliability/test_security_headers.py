"""What every answer tells a browser."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass

import httpx
import pytest

from tests import data
from tests.conftest import MODELS
from tests.reliability.conftest import Record
from tests.reliability.operations import operations
from tests.server import Server

BOOT = data.BOOT.read_bytes()


@dataclass
class Told:
    """The headers of every kind of answer."""

    headers: dict[str, httpx.Headers]


def told(server: Server) -> Told:
    """200 of pages, files, data and predictions; 304, 400, 403, 404, 405, 413, 415, 422; and HEAD."""
    file = {"file": BOOT}
    tag = server.http.get("/static/page.js").headers["ETag"]
    answers = [server.http.get(path) for method, path in operations(server) if method == "GET"]
    answers += [
        server.http.get(path) for path in ("/", "/docs", "/openapi.json", "/static/page.js", "/static/gallery.png", "/nowhere", "/predict")
    ]
    answers += [
        server.http.post(path, files=file) for path in ("/predict", "/compare", "/preprocess", "/explain", "/predict?model=x", "/metrics")
    ]
    answers += [
        server.http.post("/predict", content=b"GIF89a", headers={"Content-Type": "image/png"}),
        server.http.post("/predict", content=bytes(2**25), headers={"Content-Type": "image/png"}),
        server.http.post("/v2/models/cnn/infer", content=b"{"),
        server.http.post("/predict", files=file, headers={"Sec-Fetch-Site": "cross-site"}),
        server.http.get("/static/page.js", headers={"If-None-Match": tag}),
        server.http.head("/models"),
    ]
    return Told({f"{each.request.method} {each.request.url.path} {each.status_code}": each.headers for each in answers})


def every_answer_is_careful(seen: Told) -> None:
    for name, headers in seen.headers.items():
        assert headers.get("X-Content-Type-Options") == "nosniff", name
        assert headers.get("Cross-Origin-Resource-Policy") == "same-origin", name
        assert headers.get("Referrer-Policy") == "no-referrer", name
        assert "frame-ancestors 'none'" in headers.get("Content-Security-Policy", ""), name
        is_page = headers.get("Content-Type", "").startswith("text/html")
        assert is_page or headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'", name
        is_open = re.search(r"GET /(docs|static/.*)? ", name)
        assert headers.get("Cache-Control") == ("no-cache" if is_open else "no-store"), name
        assert not [each for each in headers if each.startswith("access-control-") or each in ("server", "x-powered-by")], name
        assert all(len(headers.get_list(each)) == 1 for each in headers), name


def test_every_answer_tells_a_browser_to_be_careful(server: Server, record: Record) -> None:
    seen = told(server)
    statuses = sorted({name.rsplit(" ", 1)[1] for name in seen.headers})
    record(
        "Security headers", "on every answer, by OWASP's REST cheat sheet", f"{len(seen.headers)} answers, statuses {', '.join(statuses)}"
    )
    every_answer_is_careful(seen)
    assert {"200", "304", "400", "403", "404", "405", "413", "415"} <= set(statuses)
    with socket.create_connection(("127.0.0.1", server.port)) as connection:  # what is no HTTP, uvicorn itself answers
        connection.sendall(b"nonsense\r\n\r\n")
        assert b"server:" not in connection.recv(65536).lower()


def test_without_the_headers() -> None:
    with Server(models_dir=str(MODELS), changed="import app.request_context\napp.request_context.secured = list\n") as server:
        seen = told(server)
    with pytest.raises(AssertionError):
        every_answer_is_careful(seen)
