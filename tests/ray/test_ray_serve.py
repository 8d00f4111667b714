"""Ray Serve on a real cluster, under constant load of which every request is accounted for."""

from __future__ import annotations

import socket
import time
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from benchmarks.ray_serve.cluster import Cluster
from benchmarks.ray_serve.release import release
from tests.app.folders import publish
from tests.contract.test_one_answer import batch, probabilities
from tests.object_store import S3
from tests.ray.deployment import RELOAD, kill, load, lose, nothing_failed, only_what_was_in_flight, replaced, serve, versions
from tests.ray.network import Network
from tests.reliability.test_hot_reload import published
from tests.server import Server
from training.data import Dataset


def test_out_and_in_again(cluster: Cluster, code: Path, folder: Path) -> None:
    """A load that stays, and one that comes and goes."""
    serve(cluster, code, folder, least=1, target=0.25)
    cluster.settle(1)
    with load(cluster, kept=1, fresh=1, pause=0.1) as low:
        with load(cluster, pause=0) as high:
            cluster.settle(2)
        cluster.settle(1)
    for each in (low, high):
        nothing_failed(each.account(cluster))


def test_the_same_answers_as_one_process_gives(cluster: Cluster, code: Path, folder: Path, dataset: Dataset) -> None:
    serve(cluster, code, folder)
    with Server(models_dir=str(folder)) as server:
        expected = probabilities(server.http.base_url, dataset.test_images, batch)
    cluster.settle(2)
    assert len({each.node for each in cluster.replicas()}) == 2
    found = probabilities(cluster.url(), dataset.test_images, batch)
    assert found.shape == (10_000, 10)
    assert (found.argmax(axis=1) == expected.argmax(axis=1)).all()
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_killed_replica(cluster: Cluster, code: Path, folder: Path) -> None:
    serve(cluster, code, folder)
    cluster.settle(2)
    with load(cluster) as clients:
        time.sleep(1)
        victim = cluster.replicas()[0]
        lose(cluster, clients, victim, lambda: kill(victim.process))
        time.sleep(1)
    only_what_was_in_flight(clients.account(cluster))


def test_a_replica_whose_model_fails(cluster: Cluster, code: Path, folder: Path, sick: Path) -> None:
    serve(cluster, code, folder)
    cluster.settle(2)
    with load(cluster) as clients:
        victim = cluster.replicas()[0]
        sick.write_text(str(victim.process))
        cluster.wait(lambda: replaced(cluster, victim))
        cluster.settle(2)
    nothing_failed(clients.account(cluster))


def test_a_new_version_of_a_model(cluster: Cluster, code: Path, folder: Path) -> None:
    serve(cluster, code, folder)
    cluster.settle(2)
    with load(cluster) as clients:
        time.sleep(0.5)
        published(folder, 2)
        cluster.wait(lambda: versions(cluster) == {2})
        time.sleep(0.5)
    nothing_failed(clients.account(cluster))


def test_a_release_that_does_not_start(cluster: Cluster, code: Path, folder: Path) -> None:
    serve(cluster, code, folder)
    cluster.settle(2)
    before = cluster.replicas()
    with load(cluster) as clients:
        serve(cluster, code, folder, {"WARDROBE_REQUIRED_MODELS": '["vgg"]'})
        cluster.wait(lambda: "vgg" in cluster.told())
        assert cluster.replicas() == before
    nothing_failed(clients.account(cluster))


def test_who_hangs_up(cluster: Cluster, code: Path, folder: Path) -> None:
    serve(cluster, code, folder)
    cluster.settle(2)
    head = "POST /predict HTTP/1.1\r\nHost: x\r\nX-Request-ID: impatient\r\nContent-Type: image/png\r\nContent-Length: 1000\r\n\r\n"
    address = (cluster.address("head"), cluster.port)
    with socket.create_connection(address) as one, socket.create_connection(address) as other:  # one for each replica
        for each in (one, other):
            each.sendall(head.encode() + bytes(500))
        cluster.wait(lambda: in_flight(cluster) > 0)
    cluster.wait(lambda: logged(cluster, "impatient") != [])
    assert {each["status"] for each in logged(cluster, "impatient")} == {499}


def test_an_answer_has_the_id_of_its_request_once(cluster: Cluster, code: Path, folder: Path) -> None:
    serve(cluster, code, folder)
    cluster.settle(2)
    found = httpx.get(f"{cluster.url()}/models", headers={"X-Request-ID": "mine"})
    assert found.headers.get_list("X-Request-ID") == ["mine"]


def test_new_code_and_a_pinned_version(cluster: Cluster, code: Path, folder: Path, tmp_path: Path) -> None:
    serve(cluster, code, folder)
    cluster.settle(2)
    before = cluster.replicas()
    newer = release(tmp_path / "wardrobe-2.zip", {"app/__init__.py": 'VERSION = "9.9.9"\n'})
    with load(cluster) as clients:
        serve(cluster, newer, folder, {"WARDROBE_PINNED_VERSIONS": '{"cnn": 1}'})
        cluster.wait(lambda: all(replaced(cluster, each) for each in before))
        cluster.settle(2)
    nothing_failed(clients.account(cluster))
    assert versions(cluster) == {1}
    assert httpx.get(f"{cluster.url()}/v2").json()["version"] == "9.9.9"


def test_models_from_an_object_store(cluster: Cluster, network: Network | None, code: Path, folder: Path, tmp_path: Path) -> None:
    with S3("0.0.0.0") as s3:  # the cluster's machines must reach it
        s3.upload(folder, "models")
        where = {
            **s3.environment,
            "AWS_ENDPOINT_URL": f"http://{network.address if network else '127.0.0.1'}:{s3.port}",
            "WARDROBE_MODELS_DIR": s3.address("models"),
            "WARDROBE_MODELS_CACHE": str(tmp_path / "cache"),
        }
        serve(cluster, code, folder, {**RELOAD, **where})
        cluster.wait(lambda: len([each for each in cluster.logs() if each.get("address") == s3.address("models")]) > 0)
        cluster.settle(2)
        before = versions(cluster)
        s3.upload(publish(folder / "cnn" / "1", tmp_path, "cnn", 9), "models/cnn/9")
        cluster.wait(lambda: versions(cluster) == {9})
    assert before == {max(int(each.name) for each in (folder / "cnn").iterdir())}


def logged(cluster: Cluster, request_id: str) -> list[dict[str, Any]]:
    return [each for each in cluster.logs() if each.get("request_id") == request_id]


def in_flight(cluster: Cluster) -> float:
    """Requests that a replica has in hand beside this one."""
    rows = httpx.get(f"{cluster.url()}/telemetry").text.splitlines()
    return next(float(each.split()[1]) for each in rows if each.startswith("wardrobe_http_requests_in_flight ")) - 1
