"""As many requests as a contestant takes, by wrk."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Protocol

from benchmarks.serving.contestants import Contestant
from benchmarks.serving.upload import Upload, content_type

SCRIPT = Path(__file__).parent / "saturation.lua"


class Target(Protocol):
    """Who is asked, and where."""

    contestant: Contestant

    @property
    def url(self) -> str: ...


def saturate(server: Target, upload: Upload, connections: int, seconds: float, cores: str) -> dict[str, float]:
    """Requests per second and latencies in milliseconds, of requests of which each was answered rightly.

    Raises:
        RuntimeError: An answer was wrong, or a connection failed.
    """
    body = server.contestant.body
    probability = f"{upload.expected[upload.label]:.9f}"[:5]  # to three digits; all ten are checked before and after
    expected = f'"{upload.label}": ?{probability.replace(".", "%.")}' if body != "empty" else ""
    with tempfile.NamedTemporaryFile() as file:
        file.write(upload.body(body))
        file.flush()
        variables = {"BENCHMARK_BODY": file.name, "BENCHMARK_CONTENT_TYPE": content_type(body), "BENCHMARK_EXPECTED": expected}
        command = [
            "taskset",
            "-c",
            cores,
            "wrk",
            "-t1",
            f"-c{connections}",
            f"-d{seconds:.0f}s",
            "--timeout",
            "30s",
            "-s",
            str(SCRIPT),
            server.url,
        ]
        printed = subprocess.run(command, env={**os.environ, **variables}, stdout=subprocess.PIPE, text=True, check=True).stdout
    found: dict[str, Any] = json.loads(printed.splitlines()[-1])
    if found["wrong"] or found["errors"]:
        raise RuntimeError(
            f"{server.contestant.title}: {found['wrong']} wrong answers and {found['errors']} errors at {connections} connections"
        )
    return {"requests_per_s": found["requests"] / found["seconds"], "p50_ms": found["p50_ms"], "p99_ms": found["p99_ms"]}
