"""Names of models and files, and ids of requests, that try to lead elsewhere. Both forms take some five seconds."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from tests.conftest import MODELS
from tests.data import BOOT
from tests.reliability.conftest import Record
from tests.reliability.raw import Answer, asked
from tests.server import Server

NAMES, IDS = "Model as code, traversal", "Log and header injection"
HOST, CLOSE = b"Host: x\r\n", b"Connection: close\r\n"
HEALTH = b"GET /healthz HTTP/1.1\r\n" + HOST

NAMED = [
    "../cnn",
    "..%2fcnn",
    "%2e%2e/%2e%2e/etc/passwd",
    "..%5c..%5cetc%5cpasswd",
    "%252e%252e%252fcnn",
    "....//cnn",
    "/etc/passwd",
    "%2fetc%2fpasswd",
    "cnn%00",
    "%00",
    "cnn%0d%0aSet-Cookie:a=b",
    "a" * 10_000,
    "%C3%A9%E2%80%AE%F0%9F%91%9E",
    "%ff%fe",
    "cnn/",
    "CNN",
    ".",
    "..",
    "%20",
    "*",
    "~root",
    "$HOME",
    "file:///etc/passwd",
]
WHERE = [
    "POST /predict?model=%s",
    "POST /predict/batch?model=%s",
    "POST /explain?model=%s",
    "GET /metrics?model=%s",
    "GET /models/%s",
    "GET /models/%s/versions/1/report",
    "GET /models/cnn/versions/%s/report",
    "GET /models/%s/versions/1/plots/confusion.png",
    "GET /models/cnn/versions/%s/plots/confusion.png",
    "GET /models/cnn/versions/1/plots/%s",
    "GET /static/%s",
    "GET /static/../%s",
    "GET /v1/models/%s",
    "POST /v1/models/%s:predict",
    "GET /v1/models/cnn/versions/%s",
    "GET /v2/models/%s",
    "POST /v2/models/%s/infer",
    "GET /v2/models/cnn/versions/%s",
    "GET /%s",
]
NOT_FOUND = {307, 400, 404, 405, 415, 422}
"""By the API, which redirects from a slash at the end."""


def names(server: Server) -> dict[str, Answer]:
    image = BOOT.read_bytes()
    found = {}
    for where in WHERE:
        for name in NAMED:
            method, _, target = (where % name).partition(" ")
            kind, body = (b"application/json", b'{"instances": []}') if target.startswith("/v") else (b"image/png", image)
            content = b"Content-Type: %b\r\nContent-Length: %d\r\n\r\n%b" % (kind, len(body), body) if method == "POST" else b"\r\n"
            found[f"{method} {target}"] = asked(server, b"%b %b HTTP/1.1\r\n" % (method.encode(), target.encode()) + HOST + CLOSE + content)
    return found


def names_hold(found: dict[str, Answer]) -> None:
    for sent, answer in found.items():
        assert len(answer.statuses) == 1, sent
        assert answer.statuses[0] in NOT_FOUND, (sent[:200], answer)
        for secret in (b"root:", b"from __future__", b"import "):
            assert secret not in answer.content, sent[:200]
        assert b"set-cookie" not in answer.content.lower().partition(b"\r\n\r\n")[0]


def test_no_name_leads_out(server: Server, record: Record) -> None:
    found = names(server)
    figures = Counter(each.statuses[0] for each in found.values())
    shown = ", ".join(f"{count} x {status}" for status, count in sorted(figures.items()))
    record(NAMES, "404, 405, 422 or 400, and never a file's content", f"{len(found)} requests: {shown}")
    names_hold(found)


def test_without_the_static_folders_check_a_file_comes(record: Record) -> None:
    """Starlette looks whether a path leaves its folder; without, the source is read."""
    changed = """
import os, starlette.staticfiles
def lookup_path(self, path):
    full = os.path.normpath(os.path.join(str(self.directory), path))
    return full, os.stat(full)
starlette.staticfiles.StaticFiles.lookup_path = lookup_path
"""
    with Server(models_dir=str(MODELS), changed=changed) as server:
        answer = asked(server, b"GET /static/%2e%2e/%2e%2e/main.py HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n")
    record(f"{NAMES}, without Starlette's check", "the source is read", str(answer.statuses))
    with pytest.raises(AssertionError):
        names_hold({"GET /static/%2e%2e/%2e%2e/main.py": answer})


GIVEN = [
    *(b"a" * size for size in (65, 10_000)),
    b"a%0d%0aX-Evil: 1",
    b"a\r\nX-Evil: 1",
    b'"},{"level":"ERROR"',
    b"a b",
    b"a\tb",
    b"\xe2\x80\xa8",
    b"\x85",
    b"$(id)",
    b"a\\nb",
    b"",
]


def ids(server: Server) -> list[tuple[bytes, str, int]]:
    """Of each id given: the id that the answer has, and how many lines of the log hold it."""
    found = []
    for given in GIVEN:
        answer = asked(server, HEALTH + b"X-Request-ID: " + given + b"\r\n" + CLOSE + b"\r\n")
        head = answer.content.partition(b"\r\n\r\n")[0]
        assert answer.statuses == [200]
        assert b"\nx-evil" not in head.lower()
        [got] = re.findall(rb"(?i)^x-request-id: (.*?)\r?$", head, re.MULTILINE)
        found.append((given, got.decode("latin-1"), 0))
    server.http.get("/last")
    while not any(each.get("path") == "/last" for each in server.logs()):
        pass
    lines = [each.get("request_id") for each in server.logs()]  # each line is read as JSON
    return [(given, got, lines.count(got)) for given, got, _ in found]


def ids_hold(found: list[tuple[bytes, str, int]]) -> None:
    for given, got, lines in found:
        assert got == "a" if given.startswith(b"a\r\n") else re.fullmatch("[0-9a-f]{32}", got), given[:100]
        assert lines >= 1


def test_an_id_that_could_harm_is_replaced(server: Server, record: Record) -> None:
    found = ids(server)
    record(IDS, "a new id, one JSON line each", f"{len(found)} ids, {sum(lines for _, _, lines in found)} lines")
    ids_hold(found)
    assert all(lines == 1 for _, got, lines in found if got != "a")


def test_without_the_check_of_ids_it_is_kept(record: Record) -> None:
    changed = "import re, app.request_context as context\ncontext.ACCEPTED_ID = re.compile('.*', re.DOTALL)\n"
    with Server(models_dir=str(MODELS), changed=changed) as server:
        found = ids(server)
    record(f"{IDS}, without the check", "kept", f"longest id answered: {max(len(got) for _, got, _ in found):,} characters")
    with pytest.raises(AssertionError):
        ids_hold(found)
