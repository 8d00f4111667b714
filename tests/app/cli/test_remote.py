"""A service that is busy, small, gone, or none."""

from __future__ import annotations

import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from app.cli import remote
from tests import data
from tests.app.cli.between import HANG_UP, Between, Reply
from tests.app.cli.command import COMMAND, ENVIRONMENT, Ended, run
from tests.app.cli.test_predict import alike
from tests.conftest import MODELS
from tests.server import ROOT, Server

BOOT = data.BOOT.read_bytes()
FILE = b'name="files"'
PROBLEM = b'{"type": "", "title": "", "status": %d, "detail": "Try later.", "request_id": "1"}'


def direct_lines_equal(done: Ended, *paths: Path) -> None:
    direct = run("predict", *paths).lines
    assert [line["file"] for line in done.lines] == [line["file"] for line in direct]
    for line, expected in zip(done.lines, direct, strict=True):
        alike(line, {name: value for name, value in expected.items() if name != "file"})


def test_many_images_go_in_batches_and_are_answered_as_directly(server: Server, many: Path) -> None:
    with Between(server) as between:
        done = run("predict", many, "--url", between.url)
    assert (done.status, done.err) == (0, "")
    assert sorted(body.count(FILE) for _, body in between.requests) == [54, 256]
    assert {path for path, _ in between.requests} == {"/predict/batch?fit=strict"}
    assert not any(b"many" in body or b"001" in body for _, body in between.requests), "a file's name is sent"
    direct_lines_equal(done, many)


def test_a_batch_is_no_larger_than_a_request_may_be(server: Server, tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.png").write_bytes(BOOT + bytes(7_000_000))
    with Between(server) as between:
        done = run("predict", tmp_path, "--url", between.url)
    assert done.status == 0
    assert sorted(body.count(FILE) for _, body in between.requests) == [1, 2]
    assert max(len(body) for _, body in between.requests) <= 16 * 1024 * 1024


def test_a_service_that_takes_fewer_at_once_gets_fewer(many: Path) -> None:
    with Server(models_dir=str(MODELS), max_batch=50) as server, Between(server) as between:
        done = run("predict", many, "--url", between.url)
    assert (done.status, done.err) == (0, "")
    assert min(body.count(FILE) for _, body in between.requests) <= 50
    direct_lines_equal(done, many)


@pytest.mark.parametrize(
    ("refusal", "detail"), [(PROBLEM % 413, "Try later."), (b"<html>", "The file has 50,394 bytes, more than 127.0.0.1 takes")]
)
def test_what_is_too_large_even_alone_fails_alone(server: Server, many: Path, tmp_path: Path, refusal: bytes, detail: str) -> None:
    """By the service itself, or by a proxy before it."""
    (tmp_path / "large.png").write_bytes(BOOT + bytes(50_000))
    with Between(server, lambda number, body: Reply(413, refusal) if len(body) > 50_000 else None) as between:
        done = run("predict", many, tmp_path / "large.png", "--url", between.url)
    assert [line.get("status") for line in done.lines] == [*[None] * 310, 413]
    assert done.lines[-1]["detail"].startswith(detail)
    assert done.status == 1


def busy(number: int, body: bytes) -> Reply | None:
    return Reply((429, 503)[number % 2], PROBLEM % 429, (("Retry-After", "0"),)) if number < 4 else None


def closed(number: int, body: bytes) -> Reply | None:
    return HANG_UP if number == 0 else None


@pytest.mark.parametrize(("interfere", "requests"), [(busy, 5), (closed, 2)])
def test_a_busy_service_is_asked_again(
    server: Server, interfere: Callable[[int, bytes], Reply | None], requests: int, tmp_path: Path
) -> None:
    with Between(server, interfere) as between:
        done = run("predict", data.BOOT, "--url", between.url)
    assert len(between.requests) == requests
    direct_lines_equal(done, data.BOOT)
    assert (done.status, done.err) == (0, "")


def test_a_service_that_stays_busy_is_given_up() -> None:
    with Between(interfere=lambda number, body: Reply(429, PROBLEM % 429, (("Retry-After", "0"),))) as between:
        done = run("predict", data.BOOT, "--url", between.url)
    assert len(between.requests) == 6
    assert (done.status, done.out, done.err) == (3, "", "error: Try later.\n")


@pytest.mark.parametrize(
    ("asked", "seconds"), [("0", 0.0), ("7", 7.0), ("3600", 10.0), (None, 1.0), ("Wed, 25 Nov 2026 20:00:00 GMT", 1.0)]
)
def test_the_wait_is_what_the_service_asks_for_within_reason(asked: str | None, seconds: float) -> None:
    assert remote.wait_s(httpx.Response(429, headers={} if asked is None else {"Retry-After": asked})) == seconds


def test_a_service_that_is_not_there(many: Path) -> None:
    with Between() as between:
        address = between.url
    for command in (["predict", many], ["models"], ["metrics"]):
        done = run(*command, "--url", address)
        assert (done.status, done.out) == (3, "")
        [line] = done.err.splitlines()
        assert line.startswith(f"error: The service at {address} can't be reached (")
        assert "python -m app" in line


def test_a_service_that_goes_keeps_what_it_answered(server: Server, many: Path) -> None:
    def leave(number: int, body: bytes) -> Reply | None:
        return None if body.count(FILE) == 256 else HANG_UP

    with Between(server, leave) as between:
        done = run("predict", many, "--url", between.url)
    assert (done.status, len(done.lines)) == (3, 256)
    assert "can't be reached" in done.err


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, b"<html>"),
        Reply(404, b"<html>"),
        Reply(301, b""),
        Reply(200, b'{"results": []}'),
        Reply(500, b""),
    ],
)
@pytest.mark.parametrize("command", ["predict", "models", "metrics"])
def test_what_is_no_such_service(reply: Reply, command: str) -> None:
    with Between(interfere=lambda number, body: reply) as between:
        done = run(command, *([data.BOOT] if command == "predict" else []), "--url", between.url)
    assert (done.status, done.out) == (3, "")
    [line] = done.err.splitlines()
    assert line.startswith(f"error: What answers at {between.url} is no Wardrobe service: it says {reply.status}")


def test_a_service_below_a_path(server: Server) -> None:
    with Between(server, lambda number, body: Reply(404, PROBLEM % 404)) as between:
        run("predict", data.BOOT, "--url", f"{between.url}/below/")
        run("models", "--url", f"{between.url}/below")
    assert [path for path, _ in between.requests] == ["/below/predict/batch?fit=strict", "/below/models"]


def test_an_interrupt_ends_it_while_the_service_does_not_answer() -> None:
    asked, finished = threading.Event(), threading.Event()

    def never(number: int, body: bytes) -> Reply:
        asked.set()
        finished.wait()
        return HANG_UP

    with Between(interfere=never) as between:
        process = subprocess.Popen(
            # a shell's background job ignores SIGINT, and its children would: this one does not
            ["env", "--default-signal=INT", *COMMAND, "predict", str(data.BOOT), "--url", between.url],
            cwd=ROOT,
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        try:
            assert asked.wait(60)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=30)  # the command itself waits a minute for an answer
        finally:
            process.kill()
            finished.set()
    assert (process.returncode, out, err) == (130, b"", b"")
