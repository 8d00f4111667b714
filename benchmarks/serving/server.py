"""A contestant's processes: started on one core, measured, and stopped."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.serving import environments
from benchmarks.serving.contestants import Contestant
from benchmarks.serving.upload import MODEL, ROOT, Upload, content_type

PATIENCE_S = 120


class Server:
    """A running contestant, as a context manager; it and all it starts are pinned to the cores `cores`, such as `0`."""

    def __init__(self, contestant: Contestant, upload: Upload, cores: str, extra: tuple[str, ...] = ()) -> None:
        self.contestant = contestant
        self._upload = upload
        python = environments.interpreter(contestant.environment)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        values = {"python": str(python), "bin": str(python.parent), "port": str(self.port)}
        self._command = ["taskset", "-c", cores, *(each.format(**values) for each in contestant.command), *extra]
        variables = {name: value.format(**values) for name, value in contestant.variables.items()}
        path = f"{python.parent}:{os.environ['PATH']}"
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("WARDROBE_")},
            "PATH": path,
            "PYTHONPATH": str(ROOT),
            "BENCHMARK_MODEL": str(MODEL),
            "TF_CPP_MIN_LOG_LEVEL": "3",
            **variables,
        }
        self.seconds_to_first_answer = 0.0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.contestant.path}"

    def __enter__(self) -> Self:
        log = ROOT / "build" / "bench" / f"{self.contestant.name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        started = time.perf_counter()
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                self._command, cwd=ROOT, env=self._environment, stdout=output, stderr=output, start_new_session=True
            )
        while not self.is_right(self._upload):
            if self._process.poll() is not None or time.perf_counter() - started > PATIENCE_S:
                self._stop()
                raise RuntimeError(f"{self.contestant.title} gave no right answer: {log.relative_to(ROOT)} says more")
            time.sleep(0.005)
        self.seconds_to_first_answer = time.perf_counter() - started
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop()

    def is_right(self, upload: Upload) -> bool:
        """Send one upload and check the answer; a ceiling need only answer."""
        body = self.contestant.body
        request = urllib.request.Request(self.url, upload.body(body), {"Content-Type": content_type(body)})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                content = answer.read()
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False
        return self.contestant.body == "empty" or upload.is_answered_by(content)

    def resident_megabytes(self) -> float:
        """What the contestant's processes hold in memory, pages that they share counted once: the sum of their PSS."""
        kilobytes = 0
        for process in self._family():
            try:
                lines = (process / "smaps_rollup").read_text().splitlines()
            except OSError:  # ended in between
                continue
            kilobytes += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
        return kilobytes * 1024 / 1e6

    def processes(self) -> list[int]:
        """Of all that serve."""
        return [int(each.name) for each in self._family()]

    def _family(self) -> list[Path]:
        """Every process of the session that the command began; Ray's workers begin sessions of their own but keep its variables."""
        mark = f"BENCHMARK_MODEL={MODEL}".encode()
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (process / "environ").read_bytes().split(b"\0"):
                    found.append(process)
            except OSError:
                continue
        return found

    def _stop(self) -> None:
        for number, patience in ((signal.SIGTERM, 20.0), (signal.SIGKILL, 5.0)):
            for process in self.processes() if number == signal.SIGKILL else [self._process.pid]:
                try:
                    os.kill(process, number)
                except ProcessLookupError:
                    continue
            ended = time.monotonic() + patience
            while self._family() and time.monotonic() < ended:
                self._process.poll()
                time.sleep(0.05)
        self._process.wait(5)
