"""Processes that are killed, as by the kernel when memory is short: only what was in flight on them is lost.

Long: a worker is killed each 10 s, 30 times.
"""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from app.__main__ import WORKER_START_S
from app.tally import PREFIX, VARIABLE
from tests.app.figures import begun, children, running
from tests.reliability.conftest import Record
from tests.reliability.ledger import Account, Load
from tests.server import Server

PAUSE = 0.005
"""Seconds between requests: the load leaves time for processes to start."""
PATIENCE = 90
"""Seconds after which waiting is given up."""


@dataclass
class Killing:
    """What a load went through; times are seconds."""

    account: Account
    came_back: list[float] = field(default_factory=list)
    """From the end of a process until its successor serves, infinity for never."""
    longest_gap: float = 0.0
    """Without any answer."""

    def __str__(self) -> str:
        back = f"a successor after {max(self.came_back):.1f} s at most" if self.came_back else "no successor"
        return f"{self.account}; {back}; longest time without an answer {self.longest_gap:.2f} s"


def seconds_until(reached: Callable[[], bool], patience: float = PATIENCE) -> float:
    """How long it took, infinity for never."""
    began = time.monotonic()
    while (passed := time.monotonic() - began) < patience:
        if reached():
            return passed
        time.sleep(0.05)
    return float("inf")


def longest_gap(load: Load) -> float:
    answers = sorted(each.ended for each in load.sent if each.failure is None)
    return max((later - earlier for earlier, later in itertools.pairwise(answers)), default=0.0)


# A worker


def workers_killed(
    models: Path, how: Callable[[Load, int], None], *, times: int, every: float, changed: str = "", patience: float = PATIENCE
) -> Killing:
    """One of two workers goes, again and again, each time once there are two that serve."""
    came_back = []
    with Server(models_dir=str(models), workers=2, changed=changed) as server:
        running(server, 2)
        with Load(server.port, pause=PAUSE) as load:
            for _ in range(times):
                began = time.monotonic()
                victim = children(server)[0]
                how(load, victim)
                came_back.append(seconds_until(lambda gone=victim: _serving(server, load, gone), patience))  # type: ignore[misc]
                time.sleep(max(0.0, every - (time.monotonic() - began)))
        account = load.account(server)
        if float("inf") in came_back:  # the supervisor may be waiting for a worker, and not end in time
            server.process.kill()
    return Killing(account, came_back, longest_gap(load))


def _serving(server: Server, load: Load, gone: int) -> bool:
    """Whether there are two workers, both with connections, and the killed one is none of them."""
    now = children(server)
    return len(now) == 2 and gone not in now and _started(server) >= 2 + len(load.killed)


def _started(server: Server) -> int:
    return server.output().count("Application startup complete.")  # a log of hours would take long to parse


def only_what_was_in_flight_is_lost(found: Killing, times: int) -> None:
    assert found.account.unexplained == []
    assert found.account.answered.keys() == {200}
    assert found.account.unread == 0  # the other worker was there
    assert found.account.killed <= 2 * 6 * times  # on each of the six connections one request, and the log line of the one before
    assert len(found.came_back) == times
    assert max(found.came_back) < PATIENCE


def test_a_killed_worker(models: Path, soak: bool, record: Record) -> None:
    times, every = (30, 10) if soak else (3, 0)
    found = workers_killed(models, Load.kill, times=times, every=every)
    record(
        "kill -9 a worker",
        "only requests in flight on that process fail; the supervisor starts another",
        f"{times} kills; {found}",
    )
    only_what_was_in_flight_is_lost(found, times)


IMPATIENT = """
from uvicorn.supervisors.multiprocess import Process
Process.is_alive = lambda self, timeout, ask=Process.is_alive: ask(self, 3)
"""
"""For the short form: the supervisor asks a worker for 3 s whether it lives."""


def test_a_worker_that_stops_dead(models: Path, soak: bool, record: Record) -> None:
    """SIGSTOP: the supervisor finds out that it does not answer, and kills it."""
    times, waits = (3, WORKER_START_S) if soak else (1, 3)
    found = workers_killed(models, Load.halt, times=times, every=0, changed="" if soak else IMPATIENT)
    expected = f"as if it were killed, once the supervisor has asked it in vain for {waits} s"
    record("A worker stops dead", expected, f"{times} x SIGSTOP; {found}")
    only_what_was_in_flight_is_lost(found, times)


def killed_while_asked(load: Load, victim: int) -> None:
    """Stopped first, so that its supervisor waits for a sign of life when it dies."""
    load.halt(victim)
    time.sleep(2)
    os.kill(victim, signal.SIGKILL)


def noticed_at_once(found: Killing) -> None:
    only_what_was_in_flight_is_lost(found, 1)
    assert max(found.came_back) < WORKER_START_S / 2


def test_a_worker_killed_while_it_is_asked_for_a_sign_of_life(models: Path, record: Record) -> None:
    found = workers_killed(models, killed_while_asked, times=1, every=0)
    record("A worker killed while its supervisor waits for it", f"noticed at once, not after {WORKER_START_S} s", str(found))
    noticed_at_once(found)


@pytest.mark.long
def test_without_closing_the_workers_end_of_the_pipe(models: Path) -> None:
    changed = "from app import supervisor\nsupervisor.Worker.start = supervisor.uvicorn.Process.start"
    found = workers_killed(models, killed_while_asked, times=1, every=0, changed=changed, patience=WORKER_START_S / 2)
    with pytest.raises(AssertionError):
        noticed_at_once(found)


@pytest.mark.long
def test_without_a_supervisor_that_looks(models: Path) -> None:
    blind = "from uvicorn.supervisors import Multiprocess\nMultiprocess.keep_subprocess_alive = lambda self: None"
    found = workers_killed(models, Load.kill, times=1, every=0, changed=blind, patience=3)
    with pytest.raises(AssertionError):
        only_what_was_in_flight_is_lost(found, 1)


def counts_removed(load: Load, victim: int) -> None:
    """As a cleaner of temporary files might do it."""
    environment = dict(each.decode().partition("=")[::2] for each in Path(f"/proc/{victim}/environ").read_bytes().split(b"\0"))
    shutil.rmtree(environment[VARIABLE])
    load.kill(victim)


def test_a_killed_worker_whose_counts_were_removed(models: Path, record: Record) -> None:
    found = workers_killed(models, counts_removed, times=1, every=0)
    record("The folder of counts removed, then a worker killed", "its successor makes the folder anew", str(found))
    only_what_was_in_flight_is_lost(found, 1)


@pytest.mark.long
def test_without_making_the_folder_of_counts_anew(models: Path) -> None:
    given = f"import os, pathlib, app.tally\napp.tally.folder = lambda: pathlib.Path(os.environ[{VARIABLE!r}])"
    found = workers_killed(models, counts_removed, times=1, every=0, changed=given, patience=5)
    with pytest.raises(AssertionError):
        only_what_was_in_flight_is_lost(found, 1)


# The process that starts the workers


@dataclass
class Orphaned:
    """What followed the death of the supervisor; times are seconds after it, infinity for never."""

    account: Account
    workers_ended: float
    port_free: float
    serves_again: float
    left: set[Path]
    """Folders in which the dead service counted."""
    left_then: set[Path]
    """What of them is there once another serves."""
    upload: bytes
    """The beginning of the answer to an upload that had begun before and was ended after it."""

    def __str__(self) -> str:
        times = f"port free after {self.port_free:.1f} s, workers gone after {self.workers_ended:.1f} s"
        return f"{times}, a restart answers within {self.serves_again:.1f} s; {self.account}"


def supervisor_killed(models: Path, tmp_path: Path, changed: str = "", patience: float = PATIENCE) -> Orphaned:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with Server(environment, models_dir=str(models), workers=2, changed=changed) as server:
        running(server, 2)
        orphans = children(server)
        with Load(server.port, pause=PAUSE) as load, begun(server) as connection:
            time.sleep(1)
            server.process.kill()
            server.process.wait()
            killed = time.monotonic()
            time.sleep(0.2)
            connection.sendall(bytes(997))
            upload = connection.recv(12)
            port_free = seconds_until(lambda: _is_free(server.port), patience)
            ended = port_free + seconds_until(lambda: not any(Path(f"/proc/{each}").exists() for each in orphans), patience)
            for each in orphans:
                with suppress(ProcessLookupError):  # where they do stay
                    os.kill(each, signal.SIGKILL)
            left = set(tmp_path.glob(f"{PREFIX}*"))
            if port_free == float("inf"):
                return Orphaned(load.account(server, wait=0), ended, port_free, float("inf"), left, left, upload)
            server.start()
            again = time.monotonic() - killed
            time.sleep(1)
            left_then = left & set(tmp_path.glob(f"{PREFIX}*"))
        return Orphaned(load.account(server), ended, port_free, again, left, left_then, upload)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def nothing_stays_of_it(found: Orphaned) -> None:
    assert found.workers_ended < PATIENCE
    assert found.port_free < PATIENCE
    assert found.serves_again < 2 * PATIENCE
    assert len(found.left) == 1
    assert found.left_then == set()
    assert found.account.unexplained == []
    assert found.account.answered.keys() == {200}
    assert found.account.killed == 0
    assert found.upload == b"HTTP/1.1 415"


def test_a_killed_supervisor(models: Path, tmp_path: Path, record: Record) -> None:
    found = supervisor_killed(models, tmp_path)
    record(
        "kill -9 the main process of several workers",
        "the workers finish what they began and end; the port is free; the next start clears the counting folder",
        str(found),
    )
    nothing_stays_of_it(found)


@pytest.mark.long
def test_without_workers_that_end_with_it(models: Path, tmp_path: Path) -> None:
    found = supervisor_killed(models, tmp_path, "import app.supervisor\napp.supervisor.outlive_not = lambda: None", patience=3)
    with pytest.raises(AssertionError):
        nothing_stays_of_it(found)


# The only process


def test_the_only_process_killed(models: Path, soak: bool, record: Record) -> None:
    times, back = 10 if soak else 2, []
    with Server(models_dir=str(models)) as server:
        with Load(server.port, pause=PAUSE) as load:
            for _ in range(times):
                time.sleep(1)
                load.kill(server.process.pid)
                server.process.wait()
                began = time.monotonic()
                server.start()
                back.append(time.monotonic() - began)
            time.sleep(1)
        found = load.account(server)
    expected = "what was in flight is lost, and nothing else that was begun; a restart serves at once on the same port"
    record("kill -9 the only process", expected, f"{times} kills; {found}; the restart answers within {max(back):.1f} s")
    assert found.unexplained == []
    assert found.answered.keys() == {200}
    assert found.killed <= 2 * 6 * times
