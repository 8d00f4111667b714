"""What a running service says it counted, and its workers."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.server import Server


class Figures:
    """A scrape: `figures("name", label="value")` is the sum of the series that have the name and these labels."""

    def __init__(self, server: Server) -> None:
        self._samples = [each for family in text_string_to_metric_families(server.http.get("/telemetry").text) for each in family.samples]
        self.names = {each.name for each in self._samples}
        self.series = {(each.name, *sorted(each.labels.items())) for each in self._samples}

    def __call__(self, name: str, **labels: object) -> float:
        wanted = {key: str(value) for key, value in labels.items()}.items()
        return sum(each.value for each in self._samples if each.name == name and wanted <= each.labels.items())

    def values(self, name: str, label: str) -> set[str]:
        """The values that a label has."""
        return {each.labels[label] for each in self._samples if each.name == name}


def ask(server: Server, method: str, path: str, **options: object) -> httpx.Response:
    """A request on a connection of its own, so that any worker may answer."""
    return httpx.request(method, f"{server.http.base_url}{path}", timeout=30, **options)  # type: ignore[arg-type]


def eventually(reached: Callable[[], bool]) -> None:
    for _ in range(300):
        if reached():
            return
        time.sleep(0.1)
    raise AssertionError("waited in vain")


def running(server: Server, workers: int) -> None:
    """Wait until so many workers have loaded their models."""
    eventually(lambda: Figures(server)("wardrobe_model_version_workers", state="served", model="cnn") == workers)


def children(server: Server) -> list[int]:
    """The server's workers."""
    found = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    return [int(each) for each in found if _is_worker(each)]


def _is_worker(process: str) -> bool:
    try:
        return "resource_tracker" not in Path(f"/proc/{process}/cmdline").read_text()
    except FileNotFoundError:  # it has ended since
        return False


def begun(server: Server, path: str = "/predict", body: bytes | None = None) -> socket.socket:
    """An upload that waits for its end, or a whole one of the `body`, whose answer is still to come."""
    connection = socket.create_connection((server.http.base_url.host, server.http.base_url.port or 80))
    length, content = (1000, b"abc") if body is None else (len(body), body)
    connection.sendall(
        b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: %d\r\n\r\n" % (path.encode(), length) + content
    )
    return connection


def tally_of(server: Server) -> Path:
    """The folder in which its workers count."""
    environment = Path(f"/proc/{children(server)[0]}/environ").read_bytes().split(b"\0")
    [folder] = [each.partition(b"=")[2].decode() for each in environment if each.startswith(b"PROMETHEUS_MULTIPROC_DIR=")]
    return Path(folder)
