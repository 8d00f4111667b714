"""The ledger itself: nothing is unexplained on a healthy server, and whatever a server does wrong to a request is."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from tests.reliability.conftest import Record
from tests.reliability.ledger import CUT, MIXED_UP, REFUSED, UNANSWERED, Account, Load, Sent, account
from tests.server import Server

ROW = "The ledger"
EXPECTED = "every request has one log line with the status that its client saw"


def sent(number: int, status: int | None = 200, failure: str | None = None, connection: int = 0) -> Sent:
    return Sent(f"run-{number}", connection, 0.0, 1.0, status, failure)


def line(number: int, status: int = 200) -> dict[str, Any]:
    return {"message": "request", "request_id": f"run-{number}", "status": status}


OTHER_LINES: list[dict[str, Any]] = [{"message": "Started server process"}, {"message": "request", "request_id": "a probe", "status": 200}]


def test_what_client_and_log_agree_on_is_explained() -> None:
    found = account(
        [sent(1), sent(2, 429), sent(3, None, REFUSED), sent(4, None, UNANSWERED)], [line(1), line(2, 429), *OTHER_LINES], "run-"
    )
    assert found == Account({200: 1, 429: 1}, unread=2, strangers=1)  # type: ignore[arg-type]  # a Counter equals a dictionary
    assert found.sent == 4


@pytest.mark.parametrize(
    ("seen", "logged"),
    [
        (sent(1), []),
        (sent(1), [line(1), line(1)]),
        (sent(1), [line(1, 500)]),
        (sent(1, None, UNANSWERED), [line(1)]),
        (sent(1, None, REFUSED), [line(1, 503)]),
        (sent(1, 200, CUT), [line(1)]),
        (sent(1, 200, CUT), []),
        (sent(1, 200, MIXED_UP), [line(1)]),
        (sent(2), [line(2), line(1)]),
    ],
    ids=["no line", "two lines", "other status", "no answer", "no connection", "cut", "cut, no line", "another's answer", "never sent"],
)
def test_all_else_is_not(seen: Sent, logged: list[dict[str, Any]]) -> None:
    assert len(account([seen], logged, "run-").unexplained) == 1


def test_behind_a_proxy_only_what_was_in_flight_may_be_lost() -> None:
    failed = [sent(1, 500, MIXED_UP), sent(2), sent(3, 500, MIXED_UP)]
    found = account(failed[:2], [line(2), line(2)], "run-", lost=[(0.5, 0.6)])
    assert (found.killed, found.unexplained) == (2, [])
    assert account([sent(1)], [], "run-", lost=[(1.05, 1.1)]).killed == 1
    for lost in ([], [(1.05, 1.1)], [(-0.2, -0.1)]):
        assert len(account(failed, [line(2)], "run-", lost=lost).unexplained) == 2


def test_a_killed_process_may_owe_an_answer_and_a_line_on_each_connection() -> None:
    """The answer to the request in flight, and the line of the one before: it is written after the answer."""
    on_it = [sent(1), sent(2), sent(3), sent(4, None, UNANSWERED)]
    assert account(on_it, [line(1), line(2)], "run-", frozenset({0})).killed == 2
    assert len(account(on_it, [line(1), line(3)], "run-", frozenset({0})).unexplained) == 1
    assert len(account(on_it, [line(1), line(2)], "run-", frozenset({1})).unexplained) == 1


def load_on(models: Path, changed: str = "", seconds: float = 1.0) -> Account:
    with Server(models_dir=str(models), changed=changed) as server:
        with Load(server.port) as load:
            time.sleep(seconds)
        return load.account(server, wait=1)


def holds(found: Account) -> None:
    assert found.answered.keys() == {200}
    assert (found.unread, found.killed, found.unexplained) == (0, 0, [])


def test_nothing_is_unexplained_on_a_healthy_server(models: Path, soak: bool, record: Record) -> None:
    found = load_on(models, seconds=30 if soak else 1)
    record(ROW, EXPECTED, str(found))
    holds(found)


TURNS = """
import itertools, logging
turn = itertools.cycle([True] * 100 + [False])
"""
LINES = """
def info(self, *given, write=logging.Logger.info, **more):
    for _ in range(1 if next(turn) else {times}):
        write(self, *given, **more)
logging.Logger.info = info
"""
HANGS_UP = """
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle
async def send(self, message, send=RequestResponseCycle.send):
    if not next(turn):
        self.transport.abort()
    await send(self, message)
RequestResponseCycle.send = send
"""
FAULTY = {"loses a line": LINES.format(times=0), "writes a line twice": LINES.format(times=2), "hangs up": HANGS_UP}


@pytest.mark.parametrize("fault", FAULTY)
def test_without_a_sound_server_something_is(models: Path, fault: str) -> None:
    found = load_on(models, TURNS + FAULTY[fault])
    with pytest.raises(AssertionError):
        holds(found)
