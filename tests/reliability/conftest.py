"""What the tests of threats and faults share: how long they run, and where their figures go."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Generator, Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import MODELS
from tests.data import BOOT
from tests.server import ROOT, Server, uncovered

SOAK = "WARDROBE_SOAK"
FIGURES = ROOT / "build/reliability.jsonl"
CONTROL = "test_without_"
"""What a test is called that switches a defence off and sees its check fail."""

Record = Callable[[str, str, str], None]


@pytest.fixture(scope="session")
def soak() -> bool:
    """Whether the long form runs, `make soak`, as long as the tables in `docs/reliability.md` say; otherwise the short one, for CI."""
    return os.environ.get(SOAK) == "1"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The server's temporary folder, which nobody else writes to."""
    return tmp_path_factory.mktemp("temporary")


@pytest.fixture(scope="module")
def watched(folder: Path) -> Iterator[Server]:
    """A server that has answered once, and whose temporary files lie there."""
    with Server({**uncovered(), "TMPDIR": str(folder)}, models_dir=str(MODELS)) as server:
        server.http.post("/predict", files={"file": BOOT.read_bytes()}).raise_for_status()
        yield server


@pytest.fixture
def record(request: pytest.FixtureRequest, soak: bool) -> Iterator[Record]:
    """`record(row, expected, measured)`: a row of `docs/reliability.md`, what must hold and the figures that the test found.

    To be called before the figures are asserted, so that a row that does not hold is in the table too.
    """
    rows: list[dict[str, str]] = []

    def add(row: str, expected: str, measured: str) -> None:
        rows.append({"row": row, "expected": expected, "measured": measured})

    yield add
    report = request.node.stash.get(CALL, None)
    for row in rows:
        _write({**row, **_outcome(request.node.nodeid, report, soak=soak)})


def _outcome(test: str, report: pytest.TestReport | None, *, soak: bool) -> dict[str, Any]:
    return {
        "test": test,
        "held": report is not None and report.passed,
        "form": "long" if soak else "short",
        "seconds": round(report.duration, 1) if report else 0.0,
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "revision": _revision(),
    }


@cache
def _revision() -> str:
    """Of the code, with a plus where it was changed since."""
    description = ["git", "describe", "--always", "--dirty=+", "--abbrev=12", "--exclude=*"]
    return subprocess.run(description, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def _write(line: dict[str, Any]) -> None:
    FIGURES.parent.mkdir(exist_ok=True)
    with FIGURES.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


CALL: pytest.StashKey[pytest.TestReport] = pytest.StashKey()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep the outcome where `record` finds it; of a negative control the outcome is the figure."""
    report = yield
    if report.when == "call":
        item.stash[CALL] = report
        if item.name.startswith(CONTROL):
            _write(_outcome(item.nodeid, report, soak=os.environ.get(SOAK) == "1"))
    return report
