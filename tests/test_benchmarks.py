"""The benchmark measures what it says."""

from __future__ import annotations

import asyncio
import json
import time

import numpy as np
import pytest

from benchmarks.serving import constant_rate
from benchmarks.serving.results import median
from benchmarks.serving.table import HEAD, table
from benchmarks.serving.upload import content_type as content_type_of
from benchmarks.serving.upload import uploads
from tests.server import Server

BOOT, *OTHERS = uploads()


def test_an_upload_is_answered_by_the_real_answer_only(server: Server) -> None:
    answer = server.http.post("/predict?model=cnn&version=2", files={"file": BOOT.png}).content
    assert BOOT.is_answered_by(answer)
    assert not OTHERS[0].is_answered_by(answer)
    wrong = json.loads(answer)
    wrong["probabilities"]["Sandal"] += 0.001
    assert not BOOT.is_answered_by(json.dumps(wrong).encode())
    for content in (b"", b"{}", b"[]", b'{"probabilities": {}}', b'{"label": "Ankle boot"}'):
        assert not BOOT.is_answered_by(content)


def test_both_bodies_are_what_the_service_takes(server: Server) -> None:
    for kind, content_type in (("multipart", "multipart/form-data; boundary="), ("raw", "image/png")):
        body = BOOT.body(kind)  # type: ignore[arg-type]
        headers = {"Content-Type": content_type_of(kind)}  # type: ignore[arg-type]
        assert headers["Content-Type"].startswith(content_type)
        assert BOOT.is_answered_by(server.http.post("/predict?model=cnn&version=2", content=body, headers=headers).content)


@pytest.mark.parametrize("connections", [1, 64])
def test_a_request_that_had_to_wait_counts_from_when_it_was_due(monkeypatch: pytest.MonkeyPatch, connections: int) -> None:
    """A server that answers nothing for half a second: every request that was due meanwhile waited, sent or not."""
    monkeypatch.setattr(constant_rate, "CONNECTIONS", connections)
    stalled_s, rate, seconds = 0.5, 100.0, 1.5

    async def measured() -> np.ndarray:
        began = time.perf_counter()
        ended = asyncio.Semaphore(0)

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while await reader.read(4096):
                await asyncio.sleep(max(0.0, began + stalled_s - time.perf_counter()))
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            writer.close()
            await writer.wait_closed()
            ended.release()

        listening = await asyncio.start_server(serve, "127.0.0.1", 0)
        host, port = listening.sockets[0].getsockname()
        load = constant_rate.Load(host, port, [b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"], rate, seconds)
        await load.run()
        listening.close()
        for _ in range(connections):
            await ended.acquire()
        return load.latency_s

    latency = asyncio.run(measured())
    assert len(latency) == rate * seconds
    due = np.arange(len(latency)) / rate
    waited = latency > 0.05
    assert waited[due < stalled_s - 0.1].all()
    assert latency[0] > latency[20] > latency[35]


def test_the_median_is_of_each_value() -> None:
    assert median([{"a": 1, "b": {"c": 3}}, {"a": 2, "b": {"c": 9}}, {"a": 30, "b": {"c": 4}}]) == {"a": 2, "b": {"c": 4}}
    assert median([{"at_rate": {"100": 1, "400": 2}}, {"at_rate": {"100": 3}}]) == {"at_rate": {"100": 2}}


def test_the_fastest_comes_first_and_a_ceiling_last() -> None:
    latencies = {"p50_ms": 1.0, "p99_ms": 2.0}
    row = {"ceiling": False, "start_s": 1.0, "resident_mb": 99.0, "installed_mb": 300.0, "wardrobe_is_times_as_fast": 1.5}
    rows = {
        name: {**row, "title": name, "saturated": {"16": {"requests_per_s": rate, **latencies}}, "at_80_percent": latencies}
        for name, rate in (("slow", 100.0), ("fast", 2000.0))
    }
    rows["ceiling"] = {**replaced(rows["fast"], 9000.0), "title": "empty", "ceiling": True}
    lines = table({"contestants": rows}).splitlines()
    assert lines[:2] == list(HEAD)
    assert [line.split(" | ")[0] for line in lines[2:]] == ["| fast", "| slow", "| empty"]
    assert "| 2,000 | 1.50 x | 1.0 / 2.0 ms |" in lines[2]


def replaced(row: dict[str, object], rate: float) -> dict[str, object]:
    return {**row, "saturated": {"16": {"requests_per_s": rate, "p50_ms": 1.0, "p99_ms": 2.0}}}
