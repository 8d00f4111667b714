"""The process that reads large JSON: killed, left behind by a killed service, and in the midst of it when the service is stopped.

Ten seconds in both forms.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.conftest import MODELS
from tests.reliability.conftest import Record
from tests.reliability.test_stalls import PREDICT, rows
from tests.server import Server

IMAGES = 4_000


@contextlib.contextmanager
def reading(server: Server) -> Iterator[tuple[int, Future[httpx.Response]]]:
    """The process that reads a large request, and the answer to come."""
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(server.http.post, PREDICT, content=rows(IMAGES))
        deadline = time.monotonic() + 30
        while not (found := readers(server.process.pid)):
            assert time.monotonic() < deadline
            time.sleep(0.005)
        yield found[0], answer


def readers(service: int) -> list[int]:
    """The ids of the service's processes that read."""
    children = Path(f"/proc/{service}/task").glob("*/children")
    return [int(child) for each in children for child in each.read_text().split() if is_reader(int(child))]


def is_reader(process: int) -> bool:
    try:
        return b"app.reader" in Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return False


def seconds_until_gone(process: int) -> float:
    began = time.monotonic()
    while is_reader(process):
        assert time.monotonic() < began + 60
        time.sleep(0.01)
    return time.monotonic() - began


def test_one_that_is_killed_costs_its_own_request_alone(record: Record) -> None:
    with Server(models_dir=str(MODELS)) as server:
        with reading(server) as (process, coming):
            os.kill(process, signal.SIGKILL)
            killed = coming.result()
        after = server.http.post(PREDICT, content=rows(IMAGES))
        ready = server.http.get("/readyz").status_code
    record("The process that reads JSON killed", "503 for its request, the next answered", f"{killed.status_code}, {after.status_code}")
    assert killed.status_code == 503
    assert killed.headers["Retry-After"] == "1"
    assert killed.json()["error"].startswith("The process that read the ")
    assert (after.status_code, ready) == (200, 200)
    assert len(after.json()["predictions"]) == IMAGES


def test_it_goes_with_a_service_that_is_killed(record: Record) -> None:
    with Server(models_dir=str(MODELS)) as server, reading(server) as (process, coming):
        server.process.kill()
        took = seconds_until_gone(process)
        with pytest.raises(httpx.TransportError):
            coming.result()
    record("Service killed while JSON is read", "the process that reads it ends too", f"after {took:.2f} s")
    assert took < 30


def test_a_service_that_is_stopped_finishes_what_is_read(record: Record) -> None:
    with Server(models_dir=str(MODELS)) as server, reading(server) as (process, coming):
        status = server.stop()
        answer = coming.result()
    record("SIGTERM while JSON is read", "its request answered, no process left", f"{answer.status_code}, exit status {status}")
    assert answer.status_code == 200
    assert not is_reader(process)
