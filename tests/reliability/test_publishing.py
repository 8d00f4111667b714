"""Publishing that fails half-way while the service watches the folder: what was published before answers on, and no half version ever does.

Long: the publisher is killed at 50 points spread over its whole work, not 8.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.app.figures import eventually
from tests.app.folders import publish
from tests.conftest import MODELS
from tests.reliability.answers import right
from tests.reliability.conftest import Record
from tests.reliability.ledger import Account, Load
from tests.reliability.publisher import in_one_step, in_place
from tests.server import ROOT, Server
from tests.training.test_publish import mounting
from training.publish import published, verify

SETTINGS: dict[str, Any] = {"required_models": ["ann"], "default_model": "ann", "reload_seconds": 0.1}
PATIENCE = 60
SOURCE = MODELS / "ann" / "1"
Way = Callable[[Path, Path], None]


@dataclass
class Publishing:
    """What a service under load and its folder went through while publishers were killed."""

    account: Account
    seconds: float
    """That publishing takes if it is left alone."""
    got_through: int
    """Publishers that had finished before they were killed."""
    broken: set[str] = field(default_factory=set)
    """Why `/models` ever called a version broken."""
    newest_served: bool = True
    """Each time, whether the highest complete version was the one that served."""
    left: list[str] = field(default_factory=list)
    """In the model's folder beside versions, after one more that was left alone."""


def begun(way: Way, models: Path) -> subprocess.Popen[str]:
    """A publisher that waits for a line."""
    command = [sys.executable, "-m", "tests.reliability.publisher", str(SOURCE), str(models / "ann"), way.__name__]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    return process


def go(publisher: subprocess.Popen[str], until: float | None = None) -> int:
    """Let it work for so many seconds, or to its end: its exit status."""
    assert publisher.stdin
    with publisher:
        publisher.stdin.write("\n")
        publisher.stdin.flush()
        if until is not None:
            time.sleep(until)
            publisher.kill()
        return publisher.wait(PATIENCE)


def killed(models: Path, times: int, way: Way = in_one_step) -> Publishing:
    publish(SOURCE, models, "ann", 1)
    chance = random.Random(7)  # noqa: S311
    with Server(models_dir=str(models), **SETTINGS) as server:
        with Load(server.port, pause=0.01, right=right(server, "ann", range(1, 1000))) as load:
            publisher = begun(way, models)
            began = time.monotonic()
            assert go(publisher) == 0
            found = Publishing(Account(), time.monotonic() - began, 0)
            for number in range(times):
                found.got_through += go(begun(way, models), found.seconds * (number + chance.random()) / times) == 0
                _look(server, models, found)
            assert go(begun(way, models)) == 0
            _look(server, models, found)
        found.account = load.account(server)
    found.left = sorted(each.name for each in (models / "ann").iterdir() if not each.name.isdecimal())
    return found


def _look(server: Server, models: Path, found: Publishing) -> None:
    whole = [version for version in published(models / "ann") if _is_whole(models / "ann" / str(version))]

    def newest_serves() -> bool:
        [model] = server.http.get("/models").json()["models"]
        found.broken |= {each["reason"] for each in model["versions"] if each["state"] == "broken"}
        return bool(model["version"] == whole[-1])

    eventually(newest_serves)
    time.sleep(2 * SETTINGS["reload_seconds"])
    found.newest_served &= newest_serves()


def _is_whole(version: Path) -> bool:
    try:
        verify(version)
    except Exception:
        return False
    return True


def only_whole_versions_appear(found: Publishing) -> None:
    assert found.account.unexplained == []
    assert found.account.answered.keys() == {200}
    assert found.account.unread == 0
    assert found.broken == set()
    assert found.newest_served
    assert found.left == []


def test_a_killed_publisher(tmp_path: Path, soak: bool, record: Record) -> None:
    times = 50 if soak else 8
    found = killed(tmp_path, times)
    record(
        "Half-published model: the publisher killed",
        "the previous version serves, or the new one whole; nothing is left of the dead after the next publishes",
        f"killed at {times} points of {1000 * found.seconds:.0f} ms, {found.got_through} were through; {found.account}; "
        f"{len(found.broken)} half versions seen, {len(found.left)} leftovers",
    )
    only_whole_versions_appear(found)


@pytest.mark.long
def test_without_publishing_in_one_step(tmp_path: Path) -> None:
    found = killed(tmp_path, 4, in_place)
    with pytest.raises(AssertionError):
        only_whole_versions_appear(found)
    assert found.broken


# A full disk


FULL = """
import json, time
from tests.app.figures import eventually
from tests.app.folders import publish as copied
from tests.reliability.answers import right
from tests.reliability.ledger import Load
from tests.reliability.publisher import WAYS
from tests.reliability.test_publishing import SETTINGS, SOURCE
from tests.server import Server
from training import publish

publish.NEEDED_BYTES = 0  # it would refuse so small a disk before it begins
models, times, way = Path(sys.argv[1]), int(sys.argv[2]), WAYS[sys.argv[3]]
mount("size=10m", models)
copied(SOURCE, models, "ann", 1)
refused, states = [], set()
with Server(models_dir=str(models), **SETTINGS) as server:
    with Load(server.port, pause=0.01, right=right(server, "ann", range(1, 1000))) as load:
        for _ in range(times):
            while True:
                try:
                    way(SOURCE, models / "ann")
                except (TrainingError, OSError) as error:
                    refused.append(str(error))
                    break
            time.sleep(5 * SETTINGS["reload_seconds"])
            whole = publish.published(models / "ann")
            [model] = server.http.get("/models").json()["models"]
            states |= {each["state"] for each in model["versions"]} | ({"outdated"} if model["version"] != whole[-1] else set())
            for each in whole[:-1]:  # room for the next
                subprocess.run(["rm", "-r", models / "ann" / str(each)], check=True)
        left = sorted(each.name for each in (models / "ann").iterdir() if each.name != str(whole[-1]))
    found = load.account(server)
subprocess.run(["umount", models], check=True)
print(json.dumps([refused, sorted(states), left, whole[-1], str(found), found.unexplained, list(found.answered)]))
"""


@dataclass
class Full:
    """What came of publishing until the disk was full, and again with room for more."""

    refused: list[str]
    states: list[str]
    """Of versions, as `/models` ever said; "outdated" if the highest complete one did not serve."""
    left: list[str]
    """In the model's folder beside the highest complete version."""
    newest: int
    account: str
    unexplained: list[str]
    answered: list[int]


def full(models: Path, times: int, way: Way = in_one_step) -> Full:
    done = mounting(FULL, models, times, way.__name__)
    assert done.returncode == 0, done.stderr
    return Full(*json.loads(done.stdout.splitlines()[-1]))


def nothing_is_left_of_it(found: Full, times: int) -> None:
    assert len(found.refused) == times
    assert all("No space left on device" in each and "free some space" in each for each in found.refused)
    assert set(found.states) <= {"served", "loaded", "idle"}
    assert found.left == []
    assert found.newest >= 3
    assert found.unexplained == []
    assert found.answered == [200]


def test_a_full_disk(tmp_path: Path, soak: bool, record: Record) -> None:
    times = 10 if soak else 1
    found = full(tmp_path, times)
    record(
        "Disk full while publishing",
        "publishing ends with a sentence and leaves nothing; the version before serves; the next is published once there is room",
        f"full {len(found.refused)} x while {found.newest} versions came; {found.account}; {len(found.left)} leftovers",
    )
    nothing_is_left_of_it(found, times)


def test_without_a_draft_on_a_full_disk(tmp_path: Path) -> None:
    found = full(tmp_path, 1, in_place)
    with pytest.raises(AssertionError):
        nothing_is_left_of_it(found, 1)
    assert "broken" in found.states
