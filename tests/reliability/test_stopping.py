"""SIGTERM, SIGINT and SIGHUP under load: no request is lost of which the server read the head.

*Lost* is a request that has a line in the server's log, written whatever became of it, and no whole answer at its client. A client that
finds no connection, or one that ends before the first byte of an answer and of whose request the log has no line, was told in time: it
can send the request again, or be sent elsewhere by a load balancer, which stopped sending when `/readyz` said 503.

Long: 20 stops under load each with one worker and with two, in four minutes.
"""

from __future__ import annotations

import http.client
import re
import signal
import socket
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests import data
from tests.app.figures import begun, children, running
from tests.reliability.conftest import Record
from tests.reliability.faulty import SLEEPS, faulty
from tests.reliability.ledger import UNANSWERED, Account, Load
from tests.server import Server

BOOT = data.BOOT.read_bytes()
PNG = {"Content-Type": "image/png"}
SLACK_S = 6
"""What a busy machine may add."""


@dataclass
class Stopped:
    """Stops under load: what became of the requests, how long each took, in seconds, and the exit statuses."""

    lost: list[str] = field(default_factory=list)
    answered: Counter[int] = field(default_factory=Counter)
    refused: int = 0
    """No connection, or one closed before its head was read."""
    kept_unanswered: int = 0
    """Of these, requests on connections that had answered before."""
    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    tracebacks: int = 0
    not_ready: int = 0
    """Stops in which /readyz said 503 while others were still answered."""

    def __str__(self) -> str:
        return (
            f"{len(self.seconds)} stops, {self.answered.total():,} answered {dict(self.answered)}, {len(self.lost)} lost, "
            f"{self.refused} refused or closed unread, {self.kept_unanswered} of them on kept connections; "
            f"ended after at most {max(self.seconds):.1f} s with {dict(self.statuses)}, {self.tracebacks} tracebacks"
        )

    def add(self, server: Server, load: Load, account: Account) -> None:
        self.lost += account.unexplained
        self.answered += account.answered
        self.refused += account.unread
        seen: set[int] = set()
        for each in load.sent:
            self.kept_unanswered += each.failure == UNANSWERED and each.connection in seen
            seen |= {each.connection} if each.failure is None else set()
        self.tracebacks += server.output().count("Traceback") + sum("exc_info" in line for line in server.logs())


def stop_under_load(models: Path, number: int, times: int, drain_seconds: float, **settings: Any) -> Stopped:
    """Start, load, stop by the signal, again and again."""
    found = Stopped()
    for _ in range(times):
        with Server(models_dir=str(models), drain_seconds=drain_seconds, **settings) as server:
            if "workers" in settings:
                running(server, settings["workers"])
            with Load(server.port, kept=6, fresh=3) as load:
                time.sleep(0.5)
                ready = threading.Event()
                watch = threading.Thread(target=_watch, args=(server, ready))
                watch.start()
                began = time.monotonic()
                server.process.send_signal(number)
                found.statuses[server.process.wait(timeout=60)] += 1
                found.seconds.append(time.monotonic() - began)
                watch.join()
            found.add(server, load, load.account(server))
            found.not_ready += ready.is_set()
    return found


def _watch(server: Server, ready: threading.Event) -> None:
    """Set `ready` once /readyz says 503, until the service is gone."""
    while server.process.poll() is None:
        probe = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
        try:
            probe.request("GET", "/readyz")
            if probe.getresponse().status == 503:
                ready.set()
        except (OSError, http.client.HTTPException):
            pass
        finally:
            probe.close()
        time.sleep(0.02)


def nothing_is_lost(found: Stopped, drain_seconds: float) -> None:
    assert found.lost == []
    assert found.answered.keys() == {200}
    assert found.kept_unanswered == 0
    assert found.statuses.keys() == {0}
    assert found.tracebacks == 0
    assert not drain_seconds or found.not_ready == len(found.seconds)
    assert max(found.seconds) < drain_seconds + SLACK_S


@pytest.mark.parametrize(
    ("number", "workers", "drain_seconds"), [(signal.SIGTERM, 1, 1), (signal.SIGTERM, 2, 1), (signal.SIGINT, 1, 1), (signal.SIGTERM, 1, 0)]
)
def test_a_stop_under_load(models: Path, soak: bool, record: Record, number: signal.Signals, workers: int, drain_seconds: float) -> None:
    found = stop_under_load(models, number, 20 if soak else 1 + (workers == 1), drain_seconds, workers=workers)
    record(
        f"{number.name} under load, {workers} worker{'s' * (workers > 1)}, draining {drain_seconds} s",
        "no request lost whose head was read, none on a kept connection; /readyz 503 first; exit status 0",
        str(found),
    )
    nothing_is_lost(found, drain_seconds)


NOT_SAID = """
from app.stopping import Stopping
Stopping.has_begun = property(lambda self: False, lambda self, value: None)
"""


def test_without_saying_so_it_stays_ready_to_the_end(models: Path) -> None:
    found = stop_under_load(models, signal.SIGTERM, 1, 1, changed=NOT_SAID)
    with pytest.raises(AssertionError):
        nothing_is_lost(found, 1)


BLOCKED = """
import time
from uvicorn.server import Server

shutdown = Server.shutdown

async def blocked(self, sockets=None):
    time.sleep(2)
    await shutdown(self, sockets)

Server.shutdown = blocked
"""
"""The event loop is busy just before it closes connections: what arrives meanwhile is not read."""
AT_ONCE = """
from app.connection import Connection

del Connection.shutdown
"""


def asked_at_the_last_moment(models: Path, changed: str) -> int:
    """The status of a request on a kept connection that arrives just before uvicorn closes it, 0 for none."""
    with Server(models_dir=str(models), changed=changed, watchdog_seconds=0) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        connection.request("GET", "/healthz")
        connection.getresponse().read()
        server.process.send_signal(signal.SIGTERM)
        time.sleep(1)
        try:
            connection.request("POST", "/predict", BOOT, PNG)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()


def test_a_request_that_arrives_while_its_connection_is_closed(models: Path, record: Record) -> None:
    status = asked_at_the_last_moment(models, BLOCKED)
    record("A request on a kept connection at the last moment", "it is answered, then the connection is closed", f"{status}")
    assert status == 200


def test_without_a_last_look_it_is_lost(models: Path) -> None:
    assert asked_at_the_last_moment(models, BLOCKED + AT_ONCE) == 0


# In flight


@dataclass
class Waited:
    """What a stop did to a request that takes long: its status, 0 for none; the exit status; seconds until the end."""

    answer: int
    status: int
    seconds: float
    text: str

    def __str__(self) -> str:
        return f"the request has {self.answer or 'no answer'}, exit status {self.status} after {self.seconds:.1f} s"


def stop_while_working(models: Path, flag: Path, work_seconds: float, **settings: Any) -> Waited:
    """The ResNet works for so long while SIGTERM comes."""
    fault = f"time.sleep({work_seconds})"
    with Server(models_dir=str(models), changed=faulty("resnet", fault, flag), **settings) as server, ThreadPoolExecutor(1) as pool:
        running(server, settings.get("workers", 1))  # one that still loads would hang there
        flag.touch()
        asked = pool.submit(_status, server)
        time.sleep(0.5)
        began = time.monotonic()
        status = server.stop()
        return Waited(asked.result(), status, time.monotonic() - began, server.output())


def _status(server: Server) -> int:
    try:
        return httpx.post(f"{server.http.base_url}/predict?model=resnet", content=BOOT, headers=PNG, timeout=60).status_code
    except httpx.TransportError:
        return 0


def test_what_is_in_flight_is_finished(models: Path, tmp_path: Path, record: Record) -> None:
    found = stop_while_working(models, tmp_path / "flag", 2, graceful_shutdown_seconds=20)
    record("SIGTERM with a request in flight", "it is answered, then the service ends", str(found))
    assert found.answer == 200
    assert found.status == 0


def test_without_grace_it_is_not(models: Path, tmp_path: Path) -> None:
    assert stop_while_working(models, tmp_path / "flag", 2, graceful_shutdown_seconds=0).answer == 503


GRACE_S = 1


def ends_in_time(found: Waited) -> None:
    assert found.answer == 503
    assert found.status == 0
    assert found.seconds < GRACE_S + SLACK_S
    assert "Traceback" not in found.text


@pytest.mark.parametrize("workers", [1, 2])
def test_a_thread_that_hangs(models: Path, tmp_path: Path, record: Record, workers: int) -> None:
    found = stop_while_working(models, tmp_path / "flag", 3600, graceful_shutdown_seconds=GRACE_S, workers=workers)
    record(
        f"SIGTERM with a thread that hangs, {workers} worker{'s' * (workers > 1)}",
        f"503, and the end within the grace time ({GRACE_S} s here), exit status 0, no traceback",
        str(found),
    )
    ends_in_time(found)


@pytest.mark.long
def test_without_leaving_it_behind_the_process_would_stay(models: Path, tmp_path: Path) -> None:
    """Python waits for its threads."""
    flag = tmp_path / "flag"
    stay = faulty("resnet", SLEEPS, flag) + "\nfrom app import stopping\nstopping.leave = lambda status: None\n"
    with Server(models_dir=str(models), changed=stay, graceful_shutdown_seconds=GRACE_S) as server, ThreadPoolExecutor(1) as pool:
        flag.touch()
        pool.submit(_status, server)
        time.sleep(0.5)
        server.process.send_signal(signal.SIGTERM)
        try:
            with pytest.raises(TimeoutError):
                _ended(server, GRACE_S + SLACK_S)
        finally:
            server.process.kill()


def _ended(server: Server, seconds: float) -> None:
    ends = time.monotonic() + seconds
    while server.process.poll() is None:
        if time.monotonic() > ends:
            raise TimeoutError
        time.sleep(0.05)


def test_an_upload_that_never_ends(models: Path, record: Record) -> None:
    with Server(models_dir=str(models), graceful_shutdown_seconds=GRACE_S) as server:
        upload = begun(server)
        time.sleep(0.3)
        began = time.monotonic()
        status = server.stop()
        seconds = time.monotonic() - began
        answer = _all(upload)
        text = server.output()
    record(
        "SIGTERM with an upload that never ends",
        f"503 and the end within the grace time ({GRACE_S} s here), exit status 0, no traceback",
        f"{answer.splitlines()[0].decode()}, exit status {status} after {seconds:.1f} s",
    )
    assert answer.startswith(b"HTTP/1.1 503")
    assert re.search(rb"\r\nconnection: close\r\n", answer, re.IGNORECASE)
    assert status == 0
    assert seconds < GRACE_S + SLACK_S
    assert "Traceback" not in text
    assert "exc_info" not in text


def _all(connection: socket.socket) -> bytes:
    connection.settimeout(10)
    read = b""
    with connection:
        while more := connection.recv(65536):
            read += more
    return read


# SIGHUP


def test_sighup_restarts_the_workers_one_after_the_other(models: Path, soak: bool, record: Record) -> None:
    times = 10 if soak else 1
    with Server(models_dir=str(models), workers=2, drain_seconds=1) as server:
        running(server, 2)
        with Load(server.port, kept=4, fresh=2, pause=0.005) as load:
            for _ in range(times):
                before = set(children(server))
                server.process.send_signal(signal.SIGHUP)
                ends = time.monotonic() + 60
                while len(set(children(server)) - before) < 2 or len(children(server)) > 2:
                    assert time.monotonic() < ends
                    time.sleep(0.1)
        account = load.account(server)
        kept = Stopped(seconds=[0])
        kept.add(server, load, account)
    record(
        "SIGHUP under load, 2 workers",
        "both are replaced, one after the other, and no request is lost or refused",
        f"{times} restarts; {account}; {kept.kept_unanswered} unanswered on kept connections",
    )
    assert account.unexplained == []
    assert account.answered.keys() == {200}
    assert kept.kept_unanswered == 0
    assert kept.tracebacks == 0


def test_sighup_is_nothing_to_a_service_of_one_process(models: Path, record: Record) -> None:
    with Server(models_dir=str(models)) as server, Load(server.port, kept=2, fresh=1) as load:
        server.process.send_signal(signal.SIGHUP)
        time.sleep(0.5)
        alive = server.process.poll() is None
        load.__exit__(None, None, None)
        account = load.account(server)
        said = [line["message"] for line in server.logs() if "SIGHUP" in line["message"]]
    record("SIGHUP, 1 worker", "it goes on", f"{account}; the log says: {said}")
    assert alive
    assert account.unexplained == []
    assert account.unread == 0
    assert len(said) == 1
