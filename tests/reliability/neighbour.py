"""A client beside an attack or a fault: how long it waits for `GET /healthz`, asked every 5 ms on one connection."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt

from tests.server import Server, uncovered

PINGS = """
import json, socket, sys, threading, time
asked = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), asked.set()), daemon=True).start()
waited = []
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as connection:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while not asked.is_set():
        began = time.monotonic()
        connection.sendall(b"GET /healthz HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n")
        answer = b""
        while not answer.endswith(b"}"):
            received = connection.recv(4096)
            assert received, answer
            answer += received
        assert answer.startswith(b"HTTP/1.1 200")
        waited.append((began, time.monotonic() - began))
        if len(waited) == 1:
            print("began", flush=True)
        time.sleep(max(0, 0.005 - waited[-1][1]))
print(json.dumps(waited))
"""
"""In a process of its own: one that also attacks would wait for itself."""


class Neighbour:
    """Asks while the block runs; afterwards `between` has its waits."""

    def __init__(self, server: Server) -> None:
        self._port = server.port
        self._waits: npt.NDArray[np.float64] = np.zeros((0, 2))

    def __enter__(self) -> Self:
        command = [sys.executable, "-c", PINGS, str(self._port)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=uncovered())
        assert self._process.stdout
        assert self._process.stdout.readline() == "began\n"
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        said, _ = self._process.communicate(timeout=60)
        if error is None:
            self._waits = np.array(json.loads(said))

    def between(self, begin: float, end: float) -> npt.NDArray[np.float64]:
        """Milliseconds that it waited for each answer asked for between two moments of the monotonic clock."""
        began, waited = self._waits.T
        found: npt.NDArray[np.float64] = 1000 * waited[(began >= begin) & (began < end)]
        return found


def rest(seconds: float) -> tuple[float, float]:
    """Let the neighbour alone with the server, for a baseline: when that began and ended."""
    begin = time.monotonic()
    time.sleep(seconds)
    return begin, time.monotonic()
