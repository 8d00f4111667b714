"""Publishing that fails half-way while the service watches the folder: what was published before answers on, and no half version ever does.

Long: the publisher is killed at 50 points spread over its whole work, not 8.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
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
from tests.server import ROOT, Server
from tests.training.test_publish import mounting
from training.publish import published, verify

SETTINGS: dict[str, Any] = {"required_models": ["ann"], "default_model": "ann", "reload_seconds": 0.1}
PATIENCE = 60

COPY = """
import json, shutil, sys
from pathlib import Path
from training import publish

def fill(folder, version):
    shutil.copytree(sys.argv[1], folder, dirs_exist_ok=True)
    (folder / publish.MANIFEST).unlink()
    for file in ("card.json", "report.json"):
        publish.write_json(folder / file, {**json.loads((folder / file).read_text()), "version": version})

home = Path(sys.argv[2], "ann")
print("ready", flush=True)
sys.stdin.readline()
"""
PUBLISHES = """
with publish.Publication(home.parent, "ann") as draft:
    fill(draft.folder, draft.version)
    draft.publish()
"""
"""As `python -m training` does it, with the content of a version that there is."""
COPIES = """
version = publish.published(home)[-1] + 1
fill(home / str(version), version)
publish.write_json(home / str(version) / publish.MANIFEST, {"sha256": publish.checksums(home / str(version))})
"""
"""As `cp` would do it."""


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


def begun(program: str, models: Path) -> subprocess.Popen[str]:
    """A publisher that waits for a line."""
    command = [sys.executable, "-c", COPY + program, str(MODELS / "ann" / "1"), str(models)]
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


def killed(models: Path, times: int, program: str = PUBLISHES) -> Publishing:
    publish(MODELS / "ann" / "1", models, "ann", 1)
    chance = random.Random(7)  # noqa: S311
    with Server(models_dir=str(models), **SETTINGS) as server:
        with Load(server.port, pause=0.01, right=right(server, "ann", range(1, 1000))) as load:
            publisher = begun(program, models)
            began = time.monotonic()
            assert go(publisher) == 0
            found = Publishing(Account(), time.monotonic() - began, 0)
            for number in range(times):
                found.got_through += go(begun(program, models), found.seconds * (number + chance.random()) / times) == 0
                _look(server, models, found)
            assert go(begun(program, models)) == 0
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


def test_without_publishing_in_one_step(tmp_path: Path) -> None:
    found = killed(tmp_path, 4, COPIES)
    with pytest.raises(AssertionError):
        only_whole_versions_appear(found)


FULL = """
import json, time
from tests.app.figures import eventually
from tests.app.folders import publish as copied
from tests.reliability.answers import right
from tests.reliability.ledger import Load
from tests.reliability.test_publishing import SETTINGS
from tests.server import Server
from training import publish

publish.NEEDED_BYTES = 0  # it would refuse so small a disk before it begins
source, models = Path(sys.argv[1]), Path(sys.argv[2])
mount("size=10m", models)
copied(source, models, "ann", 1)

def version():
    import shutil
    with publish.Publication(models, "ann") as draft:
        shutil.copytree(source, draft.folder, dirs_exist_ok=True)
        (draft.folder / publish.MANIFEST).unlink()
        for file in ("card.json", "report.json"):
            publish.write_json(draft.folder / file, {**json.loads((draft.folder / file).read_text()), "version": draft.version})
        draft.publish()

def served():
    [model] = server.http.get("/models").json()["models"]
    return model

refused = []
with Server(models_dir=str(models), **SETTINGS) as server:
    with Load(server.port, pause=0.01, right=right(server, "ann", range(1, 1000))) as load:
        for _ in range(int(sys.argv[3])):
            while True:
                try:
                    version()
                except TrainingError as error:
                    refused.append(str(error))
                    break
            newest = publish.published(models / "ann")[-1]
            eventually(lambda: served()["version"] == newest)
            time.sleep(0.3)
            states = {each["state"] for each in served()["versions"]}
            assert states <= {"served", "loaded", "idle"}, served()
            for each in publish.published(models / "ann")[:-1]:  # room for the next round
                subprocess.run(["rm", "-r", models / "ann" / str(each)], check=True)
        left = sorted(each.name for each in (models / "ann").iterdir() if not each.name.isdecimal())
    found = load.account(server)
answered = list(found.answered)
print(json.dumps([refused, left, newest, str(found), found.unexplained, answered]))
subprocess.run(["umount", models], check=True)
"""


def test_a_full_disk(tmp_path: Path, soak: bool, record: Record) -> None:
    times = 10 if soak else 1
    done = mounting(FULL, MODELS / "ann" / "1", tmp_path, times)
    assert done.returncode == 0, done.stderr
    refused, left, newest, account, unexplained, answered = json.loads(done.stdout.splitlines()[-1])
    record(
        "Disk full while publishing",
        "publishing ends with a sentence and leaves nothing; the version before serves; the next is published once there is room",
        f"full {len(refused)} times while {newest} versions were published; {account}; {len(left)} leftovers",
    )
    assert len(refused) == times
    assert all("No space left on device" in each for each in refused)
    assert (left, unexplained, answered) == ([], [], [200])
