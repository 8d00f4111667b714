"""Who may come in, over real HTTP."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.cross_site import is_cross_site
from app.trusted_hosts import TrustedHosts
from tests import data
from tests.app.keys import BEARER, KEY, OTHER, key_file, line
from tests.app.test_uploads import rejected
from tests.conftest import MODELS
from tests.server import Server

PROBES = ("/healthz", "/readyz", "/v2/health/live", "/v2/health/ready")
OPEN = (*PROBES, "/", "/docs", "/openapi.json", "/static/page.js", "/static/vendor/swagger-ui/swagger-ui.css")
NOT_OPEN = (
    "/healthz/",
    "/healthz/x",
    "/static",
    "/staticx",
    "/docs/",
    "/%2e/healthz",
    "/nowhere",
    "/predict",
    "/v2/health",
    "/redoc",
)
BOOT = data.BOOT.read_bytes()
PROTOCOL = re.compile("/v[12](/|$)")


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(models_dir=str(MODELS), api_keys=str(key_file(tmp_path_factory.mktemp("keys")))) as running:
        yield running


def filled(path: str) -> str:
    return path.format(name="cnn", version=1, plot="confusion_matrix.png")


def turned_away(answer: httpx.Response) -> None:
    """401 as its path words errors, without a hint of the key."""
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.headers["X-Request-ID"]
    if PROTOCOL.match(answer.request.url.path):
        assert list(answer.json()) == ["error"]
    else:
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["type"] == "urn:wardrobe:problem:key-required"
    assert "wardrobe_" not in answer.text


def test_all_but_probes_and_pages_needs_a_key(keyed: Server) -> None:
    paths = keyed.http.get("/openapi.json").json()["paths"]
    assert {"/metrics", "/telemetry", "/models", "/v2", "/v1/models", "/predict"} <= paths.keys()
    for path, operations in paths.items():
        for method in operations:
            answer = keyed.http.request(method, filled(path))
            if path in OPEN:
                assert answer.status_code == 200
            else:
                turned_away(answer)
                assert keyed.http.request(method, filled(path), headers=BEARER).status_code != 401
    for path in OPEN:
        assert keyed.http.get(path).status_code == 200, path
        assert keyed.http.head(path).status_code == 200, path
    for path in NOT_OPEN:
        turned_away(keyed.http.get(path))


@pytest.mark.parametrize(
    "headers",
    [
        BEARER,
        {"Authorization": f"bearer  {KEY}"},
        {"X-API-Key": OTHER},
        {"X-API-Key": KEY, "Authorization": "Basic eDp5"},
        {"X-API-Key": KEY, "Authorization": "Bearer x"},
    ],
)
def test_a_key_opens(keyed: Server, headers: dict[str, str]) -> None:
    answer = keyed.http.post("/predict", files={"file": BOOT}, headers=headers)
    assert answer.json()["label"] == "Ankle boot"
    assert keyed.http.get("/models", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Basic {KEY}"},
        {"Authorization": KEY},
        {"Authorization": f"Bearer {KEY}, {OTHER}"},
        {"X-API-Key": f"{KEY}x"},
        {"X-API-Key": ""},
        {"Cookie": f"key={KEY}"},
        {"X-API-Key": b"\xff\x00".replace(b"\x00", b"\xfe") * 100},
    ],
)
def test_nothing_else_does(keyed: Server, headers: dict[str, str]) -> None:
    turned_away(keyed.http.post("/predict", files={"file": BOOT}, headers=headers))
    turned_away(keyed.http.get(f"/models?api_key={KEY}&key={KEY}", headers=headers))
    turned_away(keyed.http.post("/v1/models/cnn:predict", content=b"{}", headers=headers))


def test_the_sentence_tells_no_key_from_a_wrong_one(keyed: Server) -> None:
    assert "A key is needed here" in keyed.http.get("/models").json()["detail"]
    assert "not one that this service knows" in keyed.http.get("/v2", headers={"X-API-Key": "wrong"}).json()["error"]


@pytest.mark.parametrize("name", ["Authorization", "X-API-Key", "Host", "Origin", "Sec-Fetch-Site"])
def test_a_header_that_decides_may_come_once(keyed: Server, name: str) -> None:
    twice = [(name, f"Bearer {KEY}"), (name, f"Bearer {KEY}")]
    if name == "Host":  # httpx sends no two of these
        with socket.create_connection(("127.0.0.1", keyed.port)) as connection:
            connection.sendall(b"GET /models HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: rebound.example\r\n\r\n")
            assert connection.recv(65536).startswith(b"HTTP/1.1 400 ")
    else:
        rejected(keyed.http.get("/models", headers=twice), 400, f"The header {name.lower()} is given more than once")
    assert keyed.http.get("/models", headers=[*BEARER.items(), ("Accept", "a/b"), ("Accept", "c/d")]).status_code == 200


def test_the_log_names_the_key_and_never_shows_one(tmp_path: Path) -> None:
    file = key_file(tmp_path)
    with Server(models_dir=str(MODELS), api_keys=str(file), log_level="debug") as server:
        server.http.get("/models", headers={**BEARER, "X-Request-ID": "known"})
        server.http.get("/models", headers={"X-API-Key": "wardrobe_wrong", "X-Request-ID": "wrong"})
        server.http.get("/healthz", headers={**BEARER, "X-Request-ID": "open"})
        counted = server.http.get("/telemetry", headers=BEARER).text
        server.stop()
        lines = {each.get("request_id"): each for each in server.logs()}
        written = json.dumps(server.logs())
    assert (lines["known"]["key"], lines["known"]["status"]) == ("tests", 200)
    assert (lines["wrong"].get("key"), lines["wrong"]["status"]) == (None, 401)
    assert "key" not in lines["open"]
    assert 'wardrobe_http_requests_total{method="GET",route="unmatched",status="401"} 1.0' in counted
    for secret in ("wardrobe_", *re.findall("[0-9a-f]{64}", file.read_text())):
        assert secret not in written


def until(answers: int, server: Server, key: str) -> None:
    """Wait until every worker says so; a change is looked for once a second."""
    for _ in range(300):
        with httpx.Client(base_url=server.http.base_url) as client:  # another connection may meet another worker
            seen = [client.get("/models", headers={"X-API-Key": key, "Connection": "close"}).status_code for _ in range(20)]
        if seen == [answers] * 20:
            return
        time.sleep(0.1)
    raise AssertionError(f"{key} is still answered {set(seen)}")


def test_keys_change_without_a_restart_in_every_worker(tmp_path: Path) -> None:
    file = key_file(tmp_path)
    with Server(models_dir=str(MODELS), api_keys=str(file), workers=2) as server:
        file.write_text(line("tests", "new"))
        until(200, server, "new")
        until(401, server, KEY)
        file.write_text(line("tests", KEY))
        until(200, server, KEY)
        until(401, server, "new")


def test_a_broken_file_leaves_the_keys_as_they_were(tmp_path: Path) -> None:
    file = key_file(tmp_path)
    with Server(models_dir=str(MODELS), api_keys=str(file)) as server:
        for broken in (lambda: file.write_text("broken"), file.unlink):
            broken()
            time.sleep(1.2)
            for _ in range(3):
                assert server.http.get("/models", headers=BEARER).status_code == 200
                turned_away(server.http.get("/models"))
        file.write_text(line("tests", "new"))
        until(200, server, "new")
        until(401, server, KEY)
        server.stop()
        said = [each["reason"] for each in server.logs() if each["message"] == "the API keys can't be read; those read last stay"]
    assert len(said) == 2
    assert "line 1 of" in said[0]
    assert "there is no file" in said[1]


def test_a_host_that_is_not_ours() -> None:
    with Server(models_dir=str(MODELS), trusted_hosts=["wardrobe.example.org", "127.0.0.1"]) as server:
        port = server.port
        for host in ("wardrobe.example.org", "WARDROBE.example.org:443", "wardrobe.example.org.", f"127.0.0.1:{port}"):
            assert server.http.get("/models", headers={"Host": host}).status_code == 200, host
        for host in (
            "rebound.example",
            "example.org",
            "a.wardrobe.example.org",
            "wardrobe.example.org.rebound.example",
            "[::1]",
            "",
            "@127.0.0.1",
        ):
            rejected(server.http.get("/models", headers={"Host": host}), 421, "The host ", host, "WARDROBE_TRUSTED_HOSTS")
            assert list(server.http.get("/v2", headers={"Host": host}).json()) == ["error"]
            assert server.http.get("/", headers={"Host": host}).status_code == 421
            for probe in PROBES:
                assert server.http.get(probe, headers={"Host": host}).status_code == 200
        assert "WARDROBE_TRUSTED_HOSTS" in server.http.get("/models", headers={"Host": "x" * 10_000}).json()["detail"]
        assert len(server.http.get("/models", headers={"Host": "x" * 10_000}).text) < 1000


@pytest.mark.parametrize(
    ("trusted", "host", "is_trusted"),
    [
        (["*"], "anything at all", True),
        (["*.example.org"], "a.b.example.org:8000", True),
        (["*.example.org"], "example.org", False),
        (["*.example.org"], "badexample.org", False),
        (["example.org"], "example.org:", True),
        (["example.org"], "example.org:x", False),
        (["example.org"], "example.org:80:80", False),
        (["example.org"], "user@example.org", False),
        (["example.org"], "example.org/", False),
        (["::1"], "[::1]:8000", True),
        (["::1"], "[::1", False),
        (["::1"], "::1", False),
        (["example.org"], "", False),
    ],
)
def test_which_hosts_are_trusted(trusted: list[str], host: str, is_trusted: bool) -> None:
    assert TrustedHosts(trusted).trusts(host) == is_trusted


SITE, MODE, DEST = b"sec-fetch-site", b"sec-fetch-mode", b"sec-fetch-dest"
LINK = {MODE: b"navigate", DEST: b"document"}


@pytest.mark.parametrize(
    ("method", "headers", "cross_site"),
    [
        ("POST", {}, False),
        ("POST", {SITE: b"same-origin"}, False),
        ("GET", {SITE: b"none", MODE: b"navigate"}, False),
        ("POST", {SITE: b"cross-site"}, True),
        ("POST", {SITE: b"same-site"}, True),
        ("GET", {SITE: b"cross-site", MODE: b"no-cors", DEST: b"image"}, True),
        ("GET", {SITE: b"cross-site"} | LINK, False),
        ("GET", {SITE: b"same-site"} | LINK, False),
        ("HEAD", {SITE: b"cross-site"} | LINK, False),
        ("POST", {SITE: b"cross-site"} | LINK, True),
        ("DELETE", {SITE: b"cross-site"} | LINK, True),
        ("GET", {SITE: b"cross-site", MODE: b"navigate", DEST: b"iframe"}, True),
        ("GET", {SITE: b"cross-site", MODE: b"navigate"}, True),
        ("GET", {SITE: b""}, True),
        ("POST", {SITE: b"CROSS-SITE"}, True),
        ("POST", {SITE: b"same-origin", b"origin": b"http://rebound.example", b"host": b"ours"}, False),
        ("POST", {b"origin": b"http://ours:8000", b"host": b"Ours:8000"}, False),
        ("POST", {b"origin": b"http://ours:3000", b"host": b"ours:8000"}, True),
        ("POST", {b"origin": b"https://evil.example", b"host": b"ours"}, True),
        ("GET", {b"origin": b"https://evil.example", b"host": b"ours"}, True),
        ("POST", {b"origin": b"null", b"host": b"ours"}, True),
        ("POST", {b"origin": b"null"}, True),
        ("POST", {b"origin": b"", b"host": b""}, True),
        ("POST", {b"origin": b"http://ours"}, True),
    ],
)
def test_what_comes_from_another_page(method: str, headers: dict[bytes, bytes], cross_site: bool) -> None:
    assert is_cross_site(method, headers) == cross_site
