"""Ray Serve on machines with addresses of their own, each with an HAProxy: one comes, one is lost, a cable is pulled, the head dies."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from benchmarks.ray_serve.cluster import Cluster, Replica
from tests.conftest import encoded
from tests.ray.deployment import CLIENTS, kill, load, lose, nothing_failed, only_what_was_in_flight, replaced, serve
from tests.ray.network import Network
from tests.reliability.ledger import Request

READY = "/-/healthz"
"""What a load balancer asks."""


@pytest.fixture
def machines(network: Network | None) -> Network:
    if not network:
        pytest.skip("only root on Linux, with iproute2, makes network namespaces, and not in every container")
    return network


def elsewhere(cluster: Cluster) -> Replica:
    """A replica that is not on the head."""
    return next(each for each in cluster.replicas() if each.node != "head")


def test_a_machine_takes_requests_as_soon_as_it_says_so(cluster: Cluster, machines: Network, code: Path, folder: Path) -> None:
    serve(cluster, code, folder, least=1)
    cluster.settle(1)
    before = set(cluster.replicas())
    serve(cluster, code, folder)
    cluster.wait(lambda: len(cluster.replicas()) == 2)
    [new] = set(cluster.replicas()) - before
    node = new.node
    cluster.wait(lambda: cluster.answers(node, READY))
    with load(cluster, node) as clients:
        time.sleep(2)
    nothing_failed(clients.account(cluster))


def test_the_head_dies_and_comes_back(cluster: Cluster, machines: Network, code: Path, folder: Path) -> None:
    """The others go on meanwhile, and afterwards it is a head again: it replaces a replica.

    Before any other node is lost: it waits half a minute for each that it remembers.
    """
    serve(cluster, code, folder)
    cluster.settle(2)
    with load(cluster, elsewhere(cluster).node) as clients:
        time.sleep(1)
        clients.lose(lambda: cluster.kill("head"))
        time.sleep(3)
        cluster.start("head")
        cluster.settle(2)
        victim = cluster.replicas()[0]
        lose(cluster, clients, victim, lambda: kill(victim.process))
    only_what_was_in_flight(clients.account(cluster))


def test_a_lost_machine(cluster: Cluster, code: Path, folder: Path) -> None:
    serve(cluster, code, folder)
    cluster.settle(2)
    with load(cluster) as clients:
        time.sleep(1)
        victim = elsewhere(cluster)
        lose(cluster, clients, victim, lambda: cluster.kill(victim.node))
        cluster.add()
    only_what_was_in_flight(clients.account(cluster))


def test_a_pulled_cable(cluster: Cluster, machines: Network, code: Path, folder: Path) -> None:
    """Nobody is told: no connection is refused. Who waits for that machine does so in vain, and then is answered by another."""
    serve(cluster, code, folder)
    cluster.settle(2)
    with load(cluster, timeout=5) as clients:
        time.sleep(1)
        victim = elsewhere(cluster)

        def until_noticed() -> None:
            machines.cut(victim.node)
            seconds = cluster.wait(lambda: replaced(cluster, victim))
            sys.stdout.write(f"noticed by Ray after {seconds:.0f} s\n")

        clients.lose(until_noticed)
        cluster.kill(victim.node)
        cluster.add()
        cluster.settle(2)
    only_what_was_in_flight(clients.account(cluster), most=CLIENTS // 2 + 1)
    assert max(each.seconds for each in clients.sent) >= 5, "the cable was not pulled"


def test_uploads_over_the_buffer_of_haproxy(cluster: Cluster, code: Path, folder: Path) -> None:
    """What was in flight on a killed replica is lost, as it is not kept to be sent again; nothing else is."""
    photo = encoded(Image.effect_noise((700, 700), 60), "JPEG", quality=60)
    assert len(photo) > 100_000
    large = Request(path="/predict?model=cnn&fit=garment", body=photo, headers=(("Content-Type", "image/jpeg"),))
    serve(cluster, code, folder)
    cluster.settle(2)
    with load(cluster, request=large) as clients:
        time.sleep(1)
        victim = elsewhere(cluster)
        lose(cluster, clients, victim, lambda: kill(victim.process))
    only_what_was_in_flight(clients.account(cluster))
