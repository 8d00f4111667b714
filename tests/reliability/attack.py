"""Many hostile requests to a running server, and what its neighbours and the machine notice of them."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from tests.reliability import raw
from tests.reliability.corpus import boot, encoded
from tests.reliability.neighbour import Neighbour, rest
from tests.server import ROOT, Server

AT_ONCE = 4
"""Hostile requests in flight: two for the two threads that decode photos, two waiting."""
CALM_S = 1.0


@dataclass(frozen=True)
class Figures:
    """What a server answered, how others fared meanwhile, and what is left."""

    statuses: Counter[int]
    calm_ms: float
    p99_ms: float
    cpu_s: float
    peak_mb: float
    descriptors: int
    files: int
    died: bool

    def __str__(self) -> str:
        answers = ", ".join(f"{count} x {status}" for status, count in sorted(self.statuses.items()))
        return (
            f"{answers}; neighbours' p99 {self.p99_ms:.0f} ms (calm {self.calm_ms:.0f}); {self.cpu_s:.1f} s of CPU; "
            f"memory {self.peak_mb:+.0f} MB; descriptors {self.descriptors:+d}; temporary files {self.files:+d}"
        )


@dataclass(frozen=True)
class Upload:
    """A request to `/predict`."""

    content: bytes
    fit: str = "strict"
    declared: str = "image/png"


class Process:
    """What Linux says of a server's process."""

    def __init__(self, server: Server) -> None:
        self._folder = Path(f"/proc/{server.process.pid}")

    def forget_peak(self) -> None:
        (self._folder / "clear_refs").write_text("5")

    def megabytes(self, key: str) -> float:
        """`VmRSS`, resident now, or `VmHWM`, its peak."""
        lines = (self._folder / "status").read_text().splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{key}:"))

    def cpu_s(self) -> float:
        """Of all its threads since it began, in seconds."""
        fields = (self._folder / "stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def files(self) -> int:
        """Of its own folder for temporary files."""
        variables = dict(each.partition("=")[::2] for each in (self._folder / "environ").read_text().split("\0"))
        return len(list(Path(variables["TMPDIR"]).iterdir()))


@contextmanager
def target(folder: Path, **options: Any) -> Iterator[Server]:
    """A server whose temporary files go to a folder of its own, as others' come and go in the machine's."""
    with Server(os.environ | {"TMPDIR": str(folder)}, models_dir=str(ROOT / "models"), **options) as server:
        yield server


def attack(server: Server, uploads: Sequence[Upload], at_once: int = AT_ONCE) -> Figures:
    """Send the uploads, so many at once, with a neighbour beside them; the server was used before, and its figures are differences."""
    process = Process(server)
    headers = {"Content-Type": "image/png"}
    for fit in ("strict", "garment"):  # what is loaded and allocated once
        server.http.post("/predict", params={"fit": fit}, content=encoded(boot(), "PNG"), headers=headers).raise_for_status()
    descriptors, files, cpu_s = raw.descriptors(server), process.files(), process.cpu_s()
    process.forget_peak()
    before = process.megabytes("VmRSS")

    def send(upload: Upload) -> int:
        answer = client.post("/predict", params={"fit": upload.fit}, content=upload.content, headers={"Content-Type": upload.declared})
        return answer.status_code

    unkept = httpx.Limits(max_keepalive_connections=0)
    with (
        Neighbour(server) as neighbour,
        httpx.Client(base_url=server.http.base_url, timeout=120, limits=unkept) as client,
        ThreadPoolExecutor(at_once) as pool,
    ):
        calm = rest(CALM_S)
        statuses = Counter(pool.map(send, uploads))
        ended = time.monotonic()
    for _ in range(50):  # until the server has noticed that its clients are gone
        if raw.descriptors(server) <= descriptors:
            break
        time.sleep(0.1)
    return Figures(
        statuses=statuses,
        calm_ms=float(np.percentile(neighbour.between(*calm), 99)),
        p99_ms=float(np.percentile(neighbour.between(calm[1], ended), 99)),
        cpu_s=process.cpu_s() - cpu_s,
        peak_mb=process.megabytes("VmHWM") - before,
        descriptors=raw.descriptors(server) - descriptors,
        files=process.files() - files,
        died=server.process.poll() is not None,
    )
