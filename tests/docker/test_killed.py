"""The container's process killed under load: Compose starts it again, and only what was in flight is lost.

Long: three times instead of once.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

import pytest

from tests.docker.conftest import IMAGE, MODELS, PATIENCE, App, docker, running
from tests.reliability.conftest import Record
from tests.reliability.ledger import Account, Load


@dataclass
class Log:
    """A container's, of all its processes one after the other."""

    app: App

    def logs(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.app.logs().splitlines() if line.startswith("{")]


@dataclass
class Crash:
    """What a load saw of a container that was killed, and the seconds until it was healthy again, each time that it was."""

    account: Account
    seconds: list[float]


def crash(app: App, times: int, patience: float = PATIENCE) -> Crash:
    seconds: list[float] = []
    with Load(app.port, pause=0.01) as load:
        for _ in range(times):
            before, began = app.inspect(), time.monotonic()
            # From the engine's own process namespace: inside the container nothing can kill process 1, and `docker kill` counts as a stop.
            kill = f"import os, signal; os.kill({before['State']['Pid']}, signal.SIGKILL)"
            docker("run", "--rm", "--pid", "host", "--user", "0", IMAGE, "python", "-c", kill)
            load.all_killed()
            while not is_back(app, before):
                if time.monotonic() - began > patience:
                    return Crash(load.account(Log(app)), seconds)
                time.sleep(0.2)
            seconds.append(time.monotonic() - began)
        time.sleep(1)
    return Crash(load.account(Log(app)), seconds)


def is_back(app: App, before: dict[str, Any]) -> bool:
    now = app.inspect()
    return bool(now["RestartCount"] > before["RestartCount"] and now["State"].get("Health", {}).get("Status") == "healthy")


def only_what_was_in_flight_is_lost(found: Crash, times: int) -> None:
    assert len(found.seconds) == times
    assert found.account.unexplained == []
    assert found.account.answered.keys() == {200}


@pytest.mark.usefixtures("images")
def test_a_killed_container(soak: bool, record: Record) -> None:
    times = 3 if soak else 1
    with running(MODELS) as app:
        found = crash(app, times)
    expected = "Compose starts it again, healthy; what was in flight is lost and nothing else that was begun"
    record(
        "The container killed", expected, f"{times} x; {found.account}; healthy again within {max(found.seconds, default=PATIENCE):.0f} s"
    )
    only_what_was_in_flight_is_lost(found, times)


@pytest.mark.long
@pytest.mark.usefixtures("images")
def test_without_a_restart_policy() -> None:
    with running(MODELS) as app:
        docker("update", "--restart", "no", app.container)
        found = crash(app, 1, patience=15)
    with pytest.raises(AssertionError):
        only_what_was_in_flight_is_lost(found, 1)
