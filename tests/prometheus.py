"""A real Prometheus for tests: Debian's package `prometheus`, which holds promtool too."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from tests.server import ROOT, Server, free_port

DEPLOY = ROOT / "deploy" / "prometheus"


def promtool(*arguments: str, text: str | None = None) -> str:
    """What a promtool command printed; it must succeed."""
    done = subprocess.run(["promtool", *arguments], cwd=DEPLOY, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


class Prometheus:
    """The configuration in `deploy/`, but for its target and its intervals, running on a free port until the test is over."""

    def __init__(self, target: Server, key: str = "") -> None:
        """With a `key` it scrapes as the configuration's comment says."""
        address = f"{target.http.base_url.host}:{target.http.base_url.port}"
        given = (DEPLOY / "prometheus.yml").read_text(encoding="utf-8")
        if key:
            given = given.replace("    # authorization:\n    #   credentials_file", "    authorization:\n      credentials_file")
            assert given.count("\n      credentials_file: wardrobe.key\n") == 1
        self._key = key
        self._configuration = given.replace("localhost:8000", address).replace("interval: 15s", "interval: 200ms")
        assert address in self._configuration
        self._port = free_port()

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory()
        home = Path(self._folder.name)
        (home / "prometheus.yml").write_text(self._configuration, encoding="utf-8")
        (home / "wardrobe.key").write_text(self._key, encoding="utf-8")
        (home / "alerts.yml").write_bytes((DEPLOY / "alerts.yml").read_bytes())
        address = f"127.0.0.1:{self._port}"
        self._log = (home / "log").open("w+")
        self._process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={home / 'prometheus.yml'}",
                f"--storage.tsdb.path={home / 'data'}",
                f"--web.listen-address={address}",
            ],
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        self.http = httpx.Client(base_url=f"http://{address}", timeout=30)
        self.wait(lambda: self.http.get("/-/ready").is_success)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._process.terminate()
        self._process.wait(timeout=60)
        self.http.close()
        self._log.close()
        self._folder.cleanup()

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The series that an expression gives now."""
        answer = self.http.get("/api/v1/query", params={"query": expression}).json()
        assert answer["status"] == "success", f"{expression}: {answer}"
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found

    def value(self, expression: str) -> float | None:
        """The one value that an expression gives now; None where it gives no series."""
        found = self.query(expression)
        assert len(found) <= 1, found
        return float(found[0]["value"][1]) if found else None

    def wait(self, reached: Callable[[], bool]) -> None:
        """Return once `reached`."""
        for _ in range(300):
            with contextlib.suppress(httpx.TransportError):
                if reached():
                    return
            assert self._process.poll() is None, self._said()
            time.sleep(0.1)
        raise AssertionError(f"waited in vain: {self._said()}")

    def _said(self) -> str:
        self._log.flush()
        return Path(self._log.name).read_text(encoding="utf-8")[-2000:]
