"""A new version swapped in under load, in every worker, again and again; a bad one, and files that are cut short while they serve.

The long form swaps 500 times, which takes about four minutes.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.app.figures import children
from tests.app.folders import damage, paper_models, publish
from tests.reliability.conftest import Record
from tests.reliability.ledger import Account, Load, Request
from tests.server import Server

CNN = Request(path="/predict?model=cnn")
WORKERS = 2

# Served by the graph's file itself, as engines do it by default, and not from memory.
MAPPED = """
import ai_edge_litert.interpreter, app.model, pathlib
Original = ai_edge_litert.interpreter.Interpreter
ai_edge_litert.interpreter.Interpreter = lambda model_content, **options: Original(model_content.decode(), **options)
pathlib.Path.read_bytes = lambda path, read=pathlib.Path.read_bytes: str(path).encode() if path.name == "model.tflite" else read(path)
app.model.verify = lambda folder: frozenset(
    path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file() and path.name != "manifest.json"
)
"""
UNVERIFIED = """
import app.model
app.model.verify = lambda folder: frozenset(
    path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file() and path.name != "manifest.json"
)
"""
# The old version goes before the new one is there.
DROPPED_FIRST = """
import app.repository
from pathlib import Path
refresh = app.repository.Repository.refresh
def drop(self):
    if self._survey() != self.registry.found:
        self.registry = app.repository.Registry(self._settings.model_copy(update={"models_dir": Path("nowhere")}))
    refresh(self)
app.repository.Repository.refresh = drop
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return paper_models(tmp_path / "models")


@contextmanager
def serve(models: Path, changed: str = "") -> Iterator[Server]:
    """A server whose workers have all loaded version 1."""
    with Server(models_dir=str(models), workers=WORKERS, reload_seconds=0.05, changed=changed) as server:
        wait_for(lambda: in_state(server, 1, "served") == WORKERS)
        yield server


def published(models: Path, version: int) -> Path:
    """A new version, made elsewhere and renamed into place, as `training` publishes it."""
    made = publish(models / "cnn" / "1", models.parent / "workshop", "cnn", version)
    return made.rename(models / "cnn" / str(version))


def in_state(server: Server, version: int, state: str) -> int:
    """In how many workers the version has the state."""
    row = f'wardrobe_model_version_workers{{model="cnn",state="{state}",version="{version}"}}'
    found = [line.split()[-1] for line in server.http.get("/telemetry").text.splitlines() if line.startswith(row)]
    return int(float(found[0])) if found else 0


def wait_for(what: Callable[[], bool]) -> float:
    """The seconds until `what` is true."""
    began = time.monotonic()
    while not what():
        if time.monotonic() - began > 60:
            raise TimeoutError("nothing happened")
        time.sleep(0.02)
    return time.monotonic() - began


def resident_megabytes(server: Server) -> float:
    pages = [int(Path(f"/proc/{each}/statm").read_text().split()[1]) for each in children(server)]
    return sum(pages) * os.sysconf("SC_PAGE_SIZE") / 2**20


@dataclass(frozen=True)
class Swaps:
    account: Account
    versions: set[int]
    seconds: list[float]
    memory: list[float]


def swap(models: Path, times: int, changed: str = "") -> Swaps:
    """Publish version 2 and remove it again, under load, each time until every worker has followed."""
    seconds, memory = [], []
    with serve(models, changed) as server:
        with Load(server.port, request=CNN, pause=0.002) as load:
            for turn in range(times):
                expected = 1 + (turn + 1) % 2
                if expected == 2:
                    published(models, 2)
                else:
                    shutil.rmtree(models / "cnn" / "2")
                seconds.append(wait_for(lambda expected=expected: in_state(server, expected, "served") == WORKERS))  # type: ignore[misc]
                memory.append(resident_megabytes(server))
        logged = [line for line in server.logs() if line["message"] == "request" and line.get("model") == "cnn"]
        return Swaps(load.account(server), {line["version"] for line in logged}, seconds, memory)


def nothing_failed(account: Account) -> None:
    assert set(account.answered) == {200}
    assert (account.unread, account.unexplained) == (0, [])


def test_swaps_under_load(copy: Path, soak: bool, record: Record) -> None:
    times = 500 if soak else 20
    found = swap(copy, times)
    quarter = times // 4
    growth = max(found.memory[-quarter:]) - max(found.memory[quarter : 2 * quarter])
    record(
        "Hot reload",
        f"{times} swaps under load in {WORKERS} workers: no failed request, memory of the second half within 10 MB of the first's",
        f"{found.account}; memory {growth:+.1f} MB; a swap is in all workers after {sorted(found.seconds)[times // 2]:.2f} s (median)",
    )
    nothing_failed(found.account)
    assert found.versions == {1, 2}
    assert growth < 10


def test_without_keeping_the_old_version_until_the_new_one_is_there(copy: Path) -> None:
    account = swap(copy, 4, DROPPED_FIRST).account
    assert account.answered.keys() - {200}
    with pytest.raises(AssertionError):
        nothing_failed(account)


def refuse(models: Path, changed: str = "") -> tuple[Account, set[int], dict[str, Any]]:
    """Publish a damaged version 2 under load, until every worker has an opinion of it."""
    with serve(models, changed) as server:
        with Load(server.port, request=CNN, pause=0.002) as load:
            damage(publish(models / "cnn" / "1", models.parent / "workshop", "cnn", 2)).rename(models / "cnn" / "2")
            wait_for(lambda: in_state(server, 2, "broken") + in_state(server, 2, "served") == WORKERS)
            time.sleep(0.2)
        logged = [line for line in server.logs() if line["message"] == "request" and line.get("model") == "cnn"]
        return load.account(server), {line["version"] for line in logged}, server.http.get("/models/cnn").json()


def old_one_stays(found: tuple[Account, set[int], dict[str, Any]]) -> None:
    account, versions, model = found
    nothing_failed(account)
    assert versions == {1}
    assert (model["state"], model["version"]) == ("ready", 1)
    [broken] = [each for each in model["versions"] if each["version"] == 2]
    assert broken["state"] == "broken"
    assert "differs from its SHA-256" in broken["reason"]


def test_a_bad_version_is_refused_under_load(copy: Path, record: Record) -> None:
    found = refuse(copy)
    record("Bad version published", "refused in every worker, the old one stays, /models says why, no failed request", str(found[0]))
    old_one_stays(found)


def test_without_the_manifest_a_bad_version_serves(copy: Path) -> None:
    found = refuse(copy, UNVERIFIED)
    assert 2 in found[1]
    with pytest.raises(AssertionError):
        old_one_stays(found)


def cut_short(models: Path, changed: str = "") -> tuple[Account, int, dict[str, Any]]:
    """Cut the files of what serves to nothing, and remove them, under load: the account, how many workers died, and what /models says."""
    with serve(models, changed) as server:
        before = children(server)
        with Load(server.port, request=CNN, pause=0.002) as load:
            for path in sorted((models / "cnn" / "1").rglob("*")):
                if path.is_file():
                    os.truncate(path, 0)
            time.sleep(0.5)
            shutil.rmtree(models)
            time.sleep(0.5)
        died = len(set(before) - set(children(server)))
        return load.account(server), died, server.http.get("/models/cnn").json()


def serves_from_memory(found: tuple[Account, int, dict[str, Any]]) -> None:
    account, died, model = found
    assert died == 0
    nothing_failed(account)
    assert (model["state"], model["version"]) == ("ready", 1)
    assert "it serves from memory" in model["versions"][0]["reason"]


def test_files_cut_short_and_removed_while_serving(copy: Path, record: Record) -> None:
    found = cut_short(copy)
    expected = "what is loaded serves on, /models says so, no failed request"
    record("Model folder truncated, then removed while serving", expected, str(found[0]))
    serves_from_memory(found)


def test_without_reading_the_graph_into_memory_a_file_cut_short_kills_the_worker(copy: Path) -> None:
    found = cut_short(copy, MAPPED)
    assert found[1] > 0
    with pytest.raises(AssertionError):
        serves_from_memory(found)
