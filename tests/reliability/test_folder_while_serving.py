"""A models folder that breaks while it is served: what is loaded answers on unharmed, and `/models` says what is wrong.

Two workers, under a load of which every answer must be the right one. Long: each fault five times.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.app.figures import ask, children, eventually
from tests.app.folders import publish
from tests.reliability.answers import right
from tests.reliability.conftest import Record
from tests.reliability.folders import UNPRIVILEGED, files
from tests.reliability.ledger import Account, Load
from tests.server import Server

SETTINGS: dict[str, Any] = {"required_models": ["ann"], "default_model": "ann", "reload_seconds": 0.1, "workers": 2}
EXPECTED = "only right answers, /readyz 200, nothing unexplained; /models says what is wrong, and nothing more once it is mended"
GONE = "serves from memory until the service stops"
DAMAGED = "damaged after it was loaded, it serves from memory"


@dataclass
class Shelf:
    """A models folder with versions 1 and 2 of one model, and a spare of the whole."""

    models: Path
    spare: Path

    @property
    def newest(self) -> Path:
        return self.models / "ann" / "2"

    @contextmanager
    def mended(self) -> Iterator[None]:
        """Whatever a test leaves, the next finds it whole."""
        try:
            yield
        except BaseException:
            self.mend()
            raise

    def mend(self) -> None:
        """Put whatever was done to it right."""
        if self.models.is_symlink() or self.models.is_file():
            self.models.unlink()
        elif self.models.exists():
            self.models.chmod(0o700)
            shutil.rmtree(self.models)
        fresh = self.spare.with_name("fresh")
        shutil.copytree(self.spare, fresh)
        fresh.rename(self.models)


@pytest.fixture(scope="module")
def shelf(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    folder = tmp_path_factory.mktemp("shelf")
    for version in (1, 2):
        publish(models / "ann" / "1", folder / "spare", "ann", version)
    made = Shelf(folder / "models", folder / "spare")
    made.mend()
    return made


def rewrite(path: Path, content: bytes) -> None:
    """In place, as `cp` does it: whoever has the file open or mapped sees it."""
    with path.open("r+b") as file:
        file.truncate(len(content))
        file.write(content)


def flipped(shelf: Shelf) -> None:
    for name in ("model.tflite", "variables/variables.data-00000-of-00001"):
        content = bytearray((shelf.newest / name).read_bytes())
        content[len(content) // 2] ^= 1
        rewrite(shelf.newest / name, bytes(content))


def truncated(shelf: Shelf) -> None:
    for name in files(shelf.newest):
        rewrite(shelf.newest / name, b"")


def without_manifest(shelf: Shelf) -> None:
    (shelf.newest / "manifest.json").unlink()


def removed(shelf: Shelf) -> None:
    """File by file: a rollback to the version below."""
    for name in reversed(files(shelf.newest)):
        (shelf.newest / name).unlink()
        time.sleep(0.02)
    shutil.rmtree(shelf.newest)


def all_removed(shelf: Shelf) -> None:
    """At once: one by one, a look in between might find the lower version alone, which then serves."""
    (shelf.models / "ann").rename(shelf.models.with_name("elsewhere"))
    shutil.rmtree(shelf.models.with_name("elsewhere"))


def half_copied(shelf: Shelf) -> None:
    """A higher version, file by file, its manifest first."""
    for name in files(shelf.newest)[:0:-1]:
        copy = shelf.models / "ann" / "3" / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(shelf.newest / name, copy)
        time.sleep(0.02)


def moved(shelf: Shelf) -> None:
    shelf.models.rename(shelf.models.with_name("elsewhere"))
    shutil.rmtree(shelf.models.with_name("elsewhere"))


def unreadable(shelf: Shelf) -> None:
    shelf.models.chmod(0)


def a_file(shelf: Shelf) -> None:
    moved(shelf)
    shelf.models.touch()


def dangling(shelf: Shelf) -> None:
    moved(shelf)
    shelf.models.symlink_to(shelf.models.with_name("nowhere"))


FAULTS: dict[str, tuple[Callable[[Shelf], None], dict[int, tuple[str, str]]]] = {
    "A loaded version's files flipped": (flipped, {2: ("served", DAMAGED), 1: ("loaded", "")}),
    "A loaded version's files truncated": (truncated, {2: ("served", DAMAGED), 1: ("loaded", "")}),
    "A loaded version's manifest removed": (without_manifest, {2: ("served", DAMAGED), 1: ("loaded", "")}),
    "A loaded version removed": (removed, {1: ("served", "")}),
    "Every version of a model removed": (all_removed, {2: ("served", GONE)}),
    "A higher version half-copied": (half_copied, {3: ("broken", "missing: "), 2: ("served", ""), 1: ("loaded", "")}),
    "The models folder moved away": (moved, {2: ("served", f"(No such file or directory): it {GONE}")}),
    "The models folder made unreadable": (unreadable, {2: ("served", f"(Permission denied): it {GONE}")}),
    "The models folder replaced by a file": (a_file, {2: ("served", f"(Not a directory): it {GONE}")}),
    "The models folder replaced by a dangling link": (dangling, {2: ("served", f"(No such file or directory): it {GONE}")}),
}
"""What is done while it serves, and what `/models` then says of each version: its state, and a part of the reason."""
WHOLE = {2: ("served", ""), 1: ("loaded", "")}


def says(server: Server, expected: dict[int, tuple[str, str]]) -> bool:
    """Whether every worker says so: who answers eight new connections is in all likelihood not one and the same."""
    for _ in range(8):
        [model] = ask(server, "GET", "/models").json()["models"]
        found = {each["version"]: (each["state"], each["reason"] or "") for each in model["versions"]}
        if found.keys() != expected.keys():
            return False
        for version, (state, reason) in expected.items():
            if found[version][0] != state or reason not in found[version][1] or bool(reason) != bool(found[version][1]):
                return False
    return True


@dataclass
class Served:
    """How a service fared while its folder was broken and mended."""

    account: Account
    not_ready: int
    seconds: list[float]
    """Until every worker said what was wrong."""


def broken_and_mended(server: Server, shelf: Shelf, fault: str, times: int = 1) -> Served:
    spoil, expected = FAULTS[fault]
    not_ready, seconds = 0, []
    with shelf.mended(), Load(server.port, pause=0.005, right=right(server, "ann", {1, 2})) as load:
        for _ in range(times):
            spoil(shelf)
            began = time.monotonic()
            eventually(lambda: says(server, expected))
            seconds.append(time.monotonic() - began)
            not_ready += sum(ask(server, "GET", "/readyz").status_code != 200 for _ in range(8))
            shelf.mend()
            eventually(lambda: says(server, WHOLE))
    return Served(load.account(server), not_ready, seconds)


def unharmed(found: Served) -> None:
    assert found.account.unexplained == []
    assert found.account.answered.keys() == {200}
    assert (found.account.unread, found.account.killed) == (0, 0)
    assert found.not_ready == 0


@pytest.fixture(scope="module")
def serving(shelf: Shelf) -> Iterator[Server]:
    with Server(models_dir=str(shelf.models), changed=UNPRIVILEGED, **SETTINGS) as server:
        eventually(lambda: sum(line["message"] == "Application startup complete." for line in server.logs()) == 2)
        yield server


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault(fault: str, serving: Server, shelf: Shelf, soak: bool, record: Record) -> None:
    times = 5 if soak else 1
    found = broken_and_mended(serving, shelf, fault, times)
    record(f"{fault} while serving", EXPECTED, f"{times} x; {found.account}; said within {max(found.seconds):.1f} s")
    unharmed(found)


NAIVE = """
from app.registry import Registry
from app.repository import Repository
def refresh(self):
    self.registry = Registry(self._settings)
Repository.refresh = refresh
"""


@pytest.mark.long
@pytest.mark.parametrize("fault", ["The models folder moved away", "Every version of a model removed"])
def test_without_keeping_what_is_loaded(fault: str, shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FAULTS, fault, (FAULTS[fault][0], {}))
    with Server(models_dir=str(shelf.models), changed=NAIVE, **SETTINGS) as server:
        found = broken_and_mended(server, shelf, fault)
    with pytest.raises(AssertionError):
        unharmed(found)


def test_a_worker_that_starts_while_the_folder_is_gone(serving: Server, shelf: Shelf, record: Record) -> None:
    """It has nothing to keep, so its share of the requests is refused."""
    with shelf.mended(), Load(serving.port, pause=0.005, right=right(serving, "ann", {1, 2})) as load:
        moved(shelf)
        started = len(serving.logs())
        load.kill(children(serving)[0])
        eventually(lambda: any(line["message"] == "Application startup complete." for line in serving.logs()[started:]))
        time.sleep(1)
        shelf.mend()
        eventually(lambda: says(serving, WHOLE))
        mended = time.monotonic()
        time.sleep(1)
    found, later = load.account(serving), load.since(mended)
    expected = "its share gets 503 with the reason, the other worker's is served; both serve once the folder is back"
    record("A worker killed while the models folder is gone", expected, f"{found}; once it is back {len(later)} requests, all served")
    assert found.unexplained == []
    assert found.answered.keys() == {200, 503}
    assert found.unread == 0
    assert {each.status for each in later} == {200}
