"""A wall clock that is set while the service runs: nothing that it does depends on the time of day.

It is each process's own clock, as Python reads it; the machine's stays as it is. Long: 5 s at each setting.
"""

from __future__ import annotations

import http.client
import time
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest

from tests.app.figures import eventually
from tests.app.folders import publish
from tests.reliability.conftest import Record
from tests.reliability.ledger import Account, Load
from tests.server import Server

YEARS = 10 * 365 * 86400
SHIFTS = (-YEARS, -3600, -1, 1, 3600, YEARS)
MOST_OFF = 10.0
"""Seconds; a busy machine may answer late."""
SHIFTED = """
import pathlib, time
def now(real=time.time, offset=pathlib.Path({offset!r})):
    return real() + float(offset.read_text())
time.time = now
time.time_ns = lambda: int(1e9 * now())
"""
WALL_CLOCK_FOR_ALL = "time.perf_counter = time.monotonic = time.time\n"


@dataclass
class Course:
    """What a service went through whose clock was set."""

    account: Account
    off: list[float]
    """After each shift: seconds between what the clock shows and both an answer's `Date` and the log's last line."""
    durations: list[float]
    """Milliseconds in the log."""
    idle_kept: bool
    """Whether a connection that idled all the while was still open."""
    versions: dict[str, int]
    """What is served after version 2 was published."""
    stopped: int
    """The exit status after SIGTERM."""

    def __str__(self) -> str:
        durations = f"durations in the log {min(self.durations):.2f} to {max(self.durations):.0f} ms"
        idle = f"an idle connection {'stayed open' if self.idle_kept else 'was closed'}"
        return f"{self.account}; {durations}; {idle}; `Date` and log show the clock within {max(self.off):.1f} s"


def clock_set(models: Path, folder: Path, seconds: float, changed: str = "") -> Course:
    """Ten years, an hour and a second to and fro, so long each; then a version is published, and the service stopped."""
    offset, shelf = folder / "offset", folder / "models"
    offset.write_text("0")
    publish(models / "ann" / "1", shelf, "ann", 1)
    settings: dict[str, Any] = {"required_models": ["ann"], "default_model": "ann", "reload_seconds": 0.2}
    off = []
    with Server(models_dir=str(shelf), changed=SHIFTED.format(offset=str(offset)) + changed, **settings) as server:
        idle = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        used(idle)
        with Load(server.port, pause=0.01) as load:
            for shift in SHIFTS:
                draft = folder / "draft"
                draft.write_text(str(shift))
                draft.replace(offset)
                time.sleep(seconds)
                seen = shows(server, shift)
                for _ in range(100):  # uvicorn makes the date anew each second
                    if seen < MOST_OFF:
                        break
                    time.sleep(0.1)
                    seen = shows(server, shift)
                off.append(seen)
            publish(models / "ann" / "1", shelf, "ann", 2)
            eventually(lambda: server.http.get("/readyz").json().get("models") == {"ann": 2})
        found = load.account(server)
        idle_kept = used(idle)
        idle.close()
        durations = [line["duration_ms"] for line in server.logs() if line["message"] == "request"]
        versions = server.http.get("/readyz").json()["models"]
        return Course(found, off, durations, idle_kept, versions, server.stop())


def shows(server: Server, shift: float) -> float:
    """Seconds between what the clock shows and the `Date` of an answer or the log's last line, whichever is further off."""
    date = parsedate_to_datetime(server.http.get("/healthz").headers["Date"])
    line = datetime.strptime(server.logs()[-1]["time"], "%Y-%m-%dT%H:%M:%S%z")
    return max(abs(each.timestamp() - (time.time() + shift)) for each in (date, line))


def used(connection: http.client.HTTPConnection) -> bool:
    """Whether it could be."""
    try:
        connection.request("GET", "/healthz")
        return bool(connection.getresponse().read())
    except (OSError, http.client.HTTPException):
        return False


def time_of_day_does_not_matter(found: Course) -> None:
    assert found.account.unexplained == []
    assert found.account.answered.keys() == {200}
    assert (found.account.unread, found.account.killed) == (0, 0)
    assert min(found.durations) >= 0
    assert max(found.durations) < 30_000
    assert found.idle_kept
    assert max(found.off) < MOST_OFF  # and so it was really set
    assert found.versions == {"ann": 2}
    assert found.stopped == 0


def test_the_clock_set_back_and_forward(models: Path, tmp_path: Path, soak: bool, record: Record) -> None:
    found = clock_set(models, tmp_path, 5 if soak else 0.5)
    expected = (
        "every request answered; durations, idle connections, hot reload and the end by SIGTERM as ever; `Date` and log follow the clock"
    )
    record("The clock set back and forward by up to ten years", expected, str(found))
    time_of_day_does_not_matter(found)


@pytest.mark.long
def test_without_a_monotonic_clock(models: Path, tmp_path: Path) -> None:
    found = clock_set(models, tmp_path, 0.2, WALL_CLOCK_FOR_ALL)
    with pytest.raises(AssertionError):
        time_of_day_does_not_matter(found)
