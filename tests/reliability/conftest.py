"""What the tests of threats and faults share: how long they run, and where their figures go."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest

from tests.server import ROOT

SOAK = "WARDROBE_SOAK"
FIGURES = ROOT / "build/reliability.jsonl"

Record = Callable[[str, str, str], None]


@pytest.fixture(scope="session")
def soak() -> bool:
    """Whether the long form runs, `make soak`, as long as the tables in `docs/reliability.md` say; otherwise the short one, for CI."""
    return os.environ.get(SOAK) == "1"


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
    held = report is not None and report.passed
    FIGURES.parent.mkdir(exist_ok=True)
    with FIGURES.open("a") as file:
        for row in rows:
            line = {**row, "held": held, "test": request.node.nodeid, "form": "long" if soak else "short"}
            file.write(json.dumps(line) + "\n")


CALL: pytest.StashKey[pytest.TestReport] = pytest.StashKey()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep the outcome where `record` finds it."""
    report = yield
    if report.when == "call":
        item.stash[CALL] = report
    return report


def temporary_files() -> set[Path]:
    """What lies in the temporary folder, to see that nothing is left there."""
    return set(Path(tempfile.gettempdir()).iterdir())
