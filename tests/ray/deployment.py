"""Wardrobe on the tests' cluster, the load on it, and what may become of that."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from benchmarks.ray_serve.cluster import Cluster, Replica
from tests.reliability.ledger import Account, Load, Request

CNN = Request(path="/predict?model=cnn")
PAUSE = 0.005
"""Seconds between requests: the load leaves time for processes to start."""
CLIENTS = 6
QUICK: dict[str, float] = {"metrics_interval_s": 0.5, "look_back_period_s": 2, "upscale_delay_s": 1, "downscale_delay_s": 1}
RELOAD = {"WARDROBE_RELOAD_SECONDS": "0.2"}


def serve(cluster: Cluster, code: Path, models: Path, settings: dict[str, str] = RELOAD, *, least: int = 2, target: float = 0.6) -> None:
    """`least` to two replicas; whatever is decided is in seconds."""
    scaling = {**QUICK, "min_replicas": least, "max_replicas": 2, "target_ongoing_requests": target}
    cluster.deploy(code, models, settings, scaling, health_check_period_s=1, graceful_shutdown_timeout_s=10)


def load(cluster: Cluster, node: str = "head", *, pause: float = PAUSE, **options: Any) -> Load:
    """Clients of a node's HAProxy."""
    return Load(cluster.port, host=cluster.address(node), pause=pause, **{"request": CNN, **options})


def nothing_failed(account: Account) -> None:
    sys.stdout.write(f"{account}\n")  # `pytest -rP` shows it
    assert account.answered.keys() == {200}, account
    assert (account.unread, account.killed, account.unexplained) == (0, 0, []), account


def only_what_was_in_flight(account: Account, most: int = 2 * CLIENTS) -> None:
    """By default on each connection one request, and the log line of the one before."""
    sys.stdout.write(f"{account}\n")
    assert account.answered.keys() == {200}, account
    assert (account.unread, account.unexplained) == (0, []), "\n".join(account.unexplained)
    assert account.killed <= most, account


def replaced(cluster: Cluster, gone: Replica) -> bool:
    return gone.process not in {each.process for each in cluster.replicas()}


def kill(process: int) -> None:
    os.kill(process, signal.SIGKILL)
    while Path(f"/proc/{process}/fd").exists():
        time.sleep(0.001)


def lose(cluster: Cluster, clients: Load, victim: Replica, end: Callable[[], None]) -> None:
    """Have a replica end under the load, and wait until another serves in its place."""
    clients.lose(end)
    cluster.wait(lambda: replaced(cluster, victim))
    cluster.settle(2)


def versions(cluster: Cluster) -> set[int]:
    """Of the CNN, by which twenty requests are answered; each replica has a share of them."""
    with httpx.Client(base_url=cluster.url()) as client:
        return {client.get("/models/cnn").json()["version"] for _ in range(20)}
