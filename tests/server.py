"""A real server process for tests."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import httpx

ROOT = Path(__file__).parent.parent


# An error in `sitecustomize` itself would be passed over.
OR_NOT_AT_ALL = """
import os, traceback
try:
    import changed
except BaseException:
    traceback.print_exc()
    os._exit(70)
"""


class Server:
    """`python -m app` on a free port: `with Server(models_dir=…) as server: server.http.get("/models")`.

    `changed` is Python that runs first in each of its processes: a fault to inject, or a defence to switch off.
    """

    def __init__(self, environment: Mapping[str, str] = os.environ, *, changed: str = "", **settings: object) -> None:
        self.port = free_port()
        self._changed = changed
        given = {f"WARDROBE_{name.upper()}": value if isinstance(value, str) else json.dumps(value) for name, value in settings.items()}
        inherited = {name: value for name, value in environment.items() if not name.startswith("WARDROBE_")}
        self._environment = {**inherited, "WARDROBE_PORT": str(self.port), "WARDROBE_DRAIN_SECONDS": "0", **given}

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory()
        if self._changed:
            Path(self._folder.name, "changed.py").write_text(self._changed)
            Path(self._folder.name, "sitecustomize.py").write_text(OR_NOT_AT_ALL)
            self._environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), self._folder.name])
        # a pipe that nobody reads would stop the server when it is full; two, as native code writes its lines in pieces, between log lines
        self._log, self._errors = tempfile.TemporaryFile("w+"), tempfile.TemporaryFile("w+")
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30)
        self.start()
        return self

    def start(self) -> None:
        """Also again, after its process died: on the same port, into the same log."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "app"], cwd=ROOT, env=self._environment, stdout=self._log, stderr=self._errors, text=True
        )
        self._wait()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.http.close()
        self.stop()
        if error:  # pytest shows it with the failure
            sys.stdout.write("".join(f"{line}\n" for line in self.logs()[-20:]))
            sys.stderr.write(_written(self._errors)[-5000:])
        self._log.close()
        self._errors.close()
        self._folder.cleanup()

    def stop(self) -> int:
        """SIGTERM, and the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)

    def logs(self) -> list[dict[str, Any]]:
        """Every log line so far."""
        lines = _written(self._log).splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("\n")]

    def output(self) -> str:
        """All that it wrote so far, on standard output and standard error."""
        return _written(self._log) + _written(self._errors)

    def _wait(self) -> None:
        for _ in range(600):
            with contextlib.suppress(httpx.TransportError):
                self.http.get("/healthz").raise_for_status()
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise AssertionError(f"the server did not start: {self.output()}")


def _written(file: IO[str]) -> str:
    return os.pread(file.fileno(), 2**30, 0).decode()


WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
"""Which of pytest's workers this process is."""
# Between looking and listening a port may be taken: by a client, which gets one of the system's from 32,768 up, or by another worker.
# So they are below, each worker has every sixteenth, and two runs begin at different ones.
PORTS = itertools.cycle(range(20_000 + WORKER % 16, 32_768, 16))
for _ in range(os.getpid() % 797):
    next(PORTS)


def uncovered() -> dict[str, str]:
    """The environment without coverage, which makes every line take longer: for what measures time."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COV")}


def free_port() -> int:
    """A TCP port that nobody listens on, and that nobody else takes."""
    for port in PORTS:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as a server does: what was closed a minute ago is free
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return port
    raise AssertionError
