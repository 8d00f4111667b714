"""A real server process for tests."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

ROOT = Path(__file__).parent.parent
STARTED = re.compile(r"running on (http://\S+)")


class Server:
    """`python -m app` on a free port: `with Server(models_dir=…) as server: server.http.get("/models")`."""

    def __init__(self, environment: Mapping[str, str] = os.environ, **settings: object) -> None:
        given = {f"WARDROBE_{name.upper()}": value if isinstance(value, str) else json.dumps(value) for name, value in settings.items()}
        inherited = {name: value for name, value in environment.items() if not name.startswith("WARDROBE_")}
        self._environment = {**inherited, "WARDROBE_PORT": "0", **given}

    def __enter__(self) -> Self:
        self._log = tempfile.TemporaryFile("w+")  # a pipe that nobody reads would stop the server when it is full
        self.process = subprocess.Popen(
            [sys.executable, "-m", "app"], cwd=ROOT, env=self._environment, stdout=self._log, stderr=subprocess.STDOUT, text=True
        )
        self.http = httpx.Client(base_url=self._address(), timeout=30)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.http.close()
        self.stop()
        self._log.close()

    def stop(self) -> int:
        """SIGTERM, and the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)

    def logs(self) -> list[dict[str, Any]]:
        """Every log line so far."""
        written = os.pread(self._log.fileno(), 2**30, 0).decode()
        return [json.loads(line) for line in written.splitlines(keepends=True) if line.startswith("{") and line.endswith("\n")]

    def _address(self) -> str:
        for _ in range(600):
            messages = [line["message"] for line in self.logs()]
            addresses = [found[1] for message in messages if (found := STARTED.search(message))]
            if addresses and messages.count("Application startup complete.") == int(self._environment.get("WARDROBE_WORKERS", "1")):
                return addresses[0]
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise AssertionError(f"the server did not start: {self.logs()}")
