"""A log that can't be written: the service answers on.

Long: 15 s each instead of one.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.app.figures import children, running
from tests.reliability.conftest import Record
from tests.reliability.ledger import Load, Request
from tests.server import Server

FULL = "import os\nos.dup2(os.open('/dev/full', os.O_WRONLY), 1)\n"
CLOSED = "import os\nends = os.pipe()\nos.dup2(ends[1], 1)\nos.close(ends[0])\nos.close(ends[1])\n"
OUTPUTS = {"Standard output on a full disk": FULL, "The reader of standard output gone, as of `| head -1`": CLOSED}
DEFAULT_HANDLER = "import logging, app.logs\napp.logs.Output = logging.StreamHandler\n"


@dataclass
class Unlogged:
    """What a service did whose log was lost."""

    requests: int
    unanswered: int
    said: str
    """On standard error."""
    grown: int
    """By how many bytes, meanwhile."""
    ready: int

    def __str__(self) -> str:
        return f"{self.requests:,} requests, {self.unanswered} without an answer; {len(self.said)} characters on standard error"


def unlogged(models: Path, changed: str, seconds: float) -> Unlogged:
    with Server(models_dir=str(models), changed=changed, workers=2) as server:
        running(server, 2)
        with Load(server.port, pause=0.005, request=Request(path="/predict")) as load:
            time.sleep(0.5)
            before = _resident(server)
            time.sleep(seconds)
            grown = _resident(server) - before
        ready = server.http.get("/readyz").status_code
        server.stop()
        unanswered = sum(each.failure is not None or each.status != 200 for each in load.sent)
        return Unlogged(len(load.sent), unanswered, server.output(), grown, ready)


def _resident(server: Server) -> int:
    return sum(int(Path(f"/proc/{each}/statm").read_text().split()[1]) for each in children(server)) * os.sysconf("SC_PAGE_SIZE")


def serves_on(found: Unlogged) -> None:
    assert found.requests > 10
    assert found.unanswered == 0
    assert found.ready == 200
    assert "error: the log can't be written (" in found.said
    assert len(found.said) < 2000  # a sentence from each process, and what Python says at their end
    assert found.grown < 20 * 1024 * 1024


@pytest.mark.parametrize("output", OUTPUTS)
def test_a_log_that_cannot_be_written(output: str, models: Path, soak: bool, record: Record) -> None:
    found = unlogged(models, OUTPUTS[output], 15 if soak else 1)
    record(output, "every request answered; one sentence on standard error for each process, not one for each line", str(found))
    serves_on(found)


@pytest.mark.long
def test_without_a_handler_that_gives_up(models: Path) -> None:
    found = unlogged(models, FULL + DEFAULT_HANDLER, 1)
    with pytest.raises(AssertionError):
        serves_on(found)
