"""Ray Serve on a real cluster, under constant load of which every request is accounted for."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from benchmarks.ray_serve.cluster import Cluster, Replica
from benchmarks.ray_serve.release import release
from tests.app.folders import publish
from tests.contract.test_one_answer import batch, probabilities
from tests.object_store import S3
from tests.reliability.ledger import Account, Load, Request
from tests.reliability.test_hot_reload import published
from tests.server import Server
from training.data import Dataset

CNN = Request(path="/predict?model=cnn")
PAUSE = 0.005
"""Seconds between requests: the load leaves time for processes to start."""
CLIENTS = 6
QUICK: dict[str, float] = {"metrics_interval_s": 0.5, "look_back_period_s": 2, "upscale_delay_s": 1, "downscale_delay_s": 1}
RELOAD = {"WARDROBE_RELOAD_SECONDS": "0.2"}


def serve(cluster: Cluster, code: Path, models: Path, settings: dict[str, str] = RELOAD, *, least: int = 2, target: float = 0.6) -> None:
    """`least` to two replicas; whatever is decided is in seconds."""
    scaling = {**QUICK, "min_replicas": least, "max_replicas": 2, "target_ongoing_requests": target}
    cluster.deploy(code, models, settings, scaling, health_check_period_s=1)


def nothing_failed(account: Account) -> None:
    sys.stdout.write(f"{account}\n")  # `pytest -rP` shows it
    assert account.answered.keys() == {200}, account
    assert (account.unread, account.killed, account.unexplained) == (0, 0, []), account


def only_what_was_in_flight(account: Account) -> None:
    sys.stdout.write(f"{account}\n")
    assert account.answered.keys() == {200}, account
    assert (account.unread, account.unexplained) == (0, []), account
    assert account.killed <= 2 * CLIENTS  # on each connection one request, and the log line of the one before


def replaced(cluster: Cluster, gone: Replica) -> bool:
    return gone.process not in {each.process for each in cluster.replicas()}


def test_out_and_in_again(cluster: Cluster, code: Path, folder: Path) -> None:
    """A load that stays, and one that comes and goes."""
    serve(cluster, code, folder, least=1, target=0.25)
    cluster.settle(1)
    with Load(cluster.port, request=CNN, kept=1, fresh=1, pause=0.1) as low:
        with Load(cluster.port, request=CNN) as high:
            cluster.settle(2)
        cluster.settle(1)
    for load in (low, high):
        nothing_failed(load.account(cluster))


def test_the_same_answers_as_one_process_gives(cluster: Cluster, code: Path, folder: Path, dataset: Dataset) -> None:
    serve(cluster, code, folder)
    with Server(models_dir=str(folder)) as server:
        expected = probabilities(server.http.base_url, dataset.test_images, batch)
    cluster.settle(2)
    assert len({each.node for each in cluster.replicas()}) == 2
    found = probabilities(f"http://127.0.0.1:{cluster.port}", dataset.test_images, batch)
    assert found.shape == (10_000, 10)
    assert (found.argmax(axis=1) == expected.argmax(axis=1)).all()
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_killed_replica(cluster: Cluster, code: Path, folder: Path) -> None:
    serve(cluster, code, folder)
    cluster.settle(2)
    with Load(cluster.port, request=CNN, pause=PAUSE) as load:
        time.sleep(1)
        victim = cluster.replicas()[0]
        load.lose(lambda: kill(victim.process))
        cluster.wait(lambda: replaced(cluster, victim))
        cluster.settle(2)
        time.sleep(1)
    only_what_was_in_flight(load.account(cluster))


def test_a_replica_whose_model_fails(cluster: Cluster, code: Path, folder: Path, sick: Path) -> None:
    serve(cluster, code, folder)
    cluster.settle(2)
    with Load(cluster.port, request=CNN, pause=PAUSE) as load:
        victim = cluster.replicas()[0]
        sick.write_text(str(victim.process))
        cluster.wait(lambda: replaced(cluster, victim))
        cluster.settle(2)
    nothing_failed(load.account(cluster))


def test_a_new_version_of_a_model(cluster: Cluster, code: Path, folder: Path) -> None:
    serve(cluster, code, folder)
    cluster.settle(2)
    with Load(cluster.port, request=CNN, pause=PAUSE) as load:
        time.sleep(0.5)
        published(folder, 2)
        cluster.wait(lambda: versions(cluster) == {2})
        time.sleep(0.5)
    nothing_failed(load.account(cluster))


def test_a_release_that_does_not_start(cluster: Cluster, code: Path, folder: Path) -> None:
    serve(cluster, code, folder)
    cluster.settle(2)
    before = cluster.replicas()
    with Load(cluster.port, request=CNN, pause=PAUSE) as load:
        serve(cluster, code, folder, {"WARDROBE_REQUIRED_MODELS": '["vgg"]'})
        cluster.wait(lambda: "vgg" in cluster.told())
        assert cluster.replicas() == before
    nothing_failed(load.account(cluster))


def test_a_lost_node(cluster: Cluster, code: Path, folder: Path) -> None:
    serve(cluster, code, folder)
    cluster.settle(2)
    with Load(cluster.port, request=CNN, pause=PAUSE) as load:
        time.sleep(1)
        victim = next(each for each in cluster.replicas() if each.node != "head")
        load.lose(lambda: cluster.kill(victim.node))
        cluster.wait(lambda: replaced(cluster, victim))
        cluster.settle(2)
        cluster.add()
    only_what_was_in_flight(load.account(cluster))


def test_who_hangs_up(cluster: Cluster, code: Path, folder: Path) -> None:
    serve(cluster, code, folder)
    cluster.settle(2)
    head = "POST /predict HTTP/1.1\r\nHost: x\r\nX-Request-ID: impatient\r\nContent-Type: image/png\r\nContent-Length: 1000\r\n\r\n"
    address = ("127.0.0.1", cluster.port)
    with socket.create_connection(address) as one, socket.create_connection(address) as other:  # one for each replica
        for each in (one, other):
            each.sendall(head.encode() + bytes(500))
        cluster.wait(lambda: in_flight(cluster) > 0)
    cluster.wait(lambda: logged(cluster, "impatient") != [])
    assert {each["status"] for each in logged(cluster, "impatient")} == {499}


def test_an_answer_has_the_id_of_its_request_once(cluster: Cluster, code: Path, folder: Path) -> None:
    serve(cluster, code, folder)
    cluster.settle(2)
    found = httpx.get(f"http://127.0.0.1:{cluster.port}/models", headers={"X-Request-ID": "mine"})
    assert found.headers.get_list("X-Request-ID") == ["mine"]


def test_new_code_and_a_pinned_version(cluster: Cluster, code: Path, folder: Path, tmp_path: Path) -> None:
    serve(cluster, code, folder)
    cluster.settle(2)
    before = cluster.replicas()
    newer = release(tmp_path / "wardrobe-2.zip", {"app/__init__.py": 'VERSION = "9.9.9"\n'})
    with Load(cluster.port, request=CNN, pause=PAUSE) as load:
        serve(cluster, newer, folder, {"WARDROBE_PINNED_VERSIONS": '{"cnn": 1}'})
        cluster.wait(lambda: all(replaced(cluster, each) for each in before))
        cluster.settle(2)
    nothing_failed(load.account(cluster))
    assert versions(cluster) == {1}
    assert httpx.get(f"http://127.0.0.1:{cluster.port}/v2").json()["version"] == "9.9.9"


def test_models_from_an_object_store(cluster: Cluster, code: Path, folder: Path, tmp_path: Path) -> None:
    with S3() as s3:
        s3.upload(folder, "models")
        where = {"WARDROBE_MODELS_DIR": s3.address("models"), "WARDROBE_MODELS_CACHE": str(tmp_path / "cache")}
        serve(cluster, code, folder, {**RELOAD, **s3.environment, **where})
        cluster.wait(lambda: len([each for each in cluster.logs() if each.get("address") == s3.address("models")]) > 0)
        cluster.settle(2)
        before = versions(cluster)
        s3.upload(publish(folder / "cnn" / "1", tmp_path, "cnn", 9), "models/cnn/9")
        cluster.wait(lambda: versions(cluster) == {9})
    assert before == {max(int(each.name) for each in (folder / "cnn").iterdir())}


def kill(process: int) -> None:
    os.kill(process, signal.SIGKILL)
    while Path(f"/proc/{process}/fd").exists():
        time.sleep(0.001)


def versions(cluster: Cluster) -> set[int]:
    """Of the CNN, by which twenty requests are answered; each replica has a share of them."""
    with httpx.Client(base_url=f"http://127.0.0.1:{cluster.port}") as client:
        return {client.get("/models/cnn").json()["version"] for _ in range(20)}


def logged(cluster: Cluster, request_id: str) -> list[dict[str, Any]]:
    return [each for each in cluster.logs() if each.get("request_id") == request_id]


def in_flight(cluster: Cluster) -> float:
    """Requests that a replica has in hand beside this one."""
    rows = httpx.get(f"http://127.0.0.1:{cluster.port}/telemetry").text.splitlines()
    return next(float(each.split()[1]) for each in rows if each.startswith("wardrobe_http_requests_in_flight ")) - 1
