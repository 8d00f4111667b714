"""A real Ray cluster, in an environment of its own: a head and two more nodes, each a machine with room for one replica."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from benchmarks.ray_serve.cluster import Cluster
from benchmarks.ray_serve.release import release
from tests.app.folders import paper_models
from tests.ray.network import Network
from tests.server import free_port

DRAINING_S = 3
"""Instead of what `node.env` says, which leaves room for machines that are far apart."""


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The models that the cluster serves: version 1 of the paper's two."""
    return paper_models(tmp_path_factory.mktemp("ray") / "models")


@pytest.fixture(scope="session")
def sick(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file: of the replica whose process it names a model no longer answers its golden images."""
    return tmp_path_factory.mktemp("ray") / "sick"


@pytest.fixture(scope="session")
def code(tmp_path_factory: pytest.TempPathFactory, sick: Path) -> Path:
    """The code as it is, which can be made sick."""
    failing = f"""
import os, pathlib
def failures(self, found=Registry.failures):
    sick = pathlib.Path({str(sick)!r})
    return {{"cnn": "sick"}} if sick.exists() and sick.read_text() == str(os.getpid()) else found(self)
Registry.failures = failures
"""
    return release(tmp_path_factory.mktemp("ray") / "wardrobe-1.zip", {"app/registry.py": failing})


@pytest.fixture(scope="package")
def network() -> Iterator[Network | None]:
    """None where no machines can be made: then all nodes run on this one, and only the head takes requests."""
    with ExitStack() as stack:
        try:
            network = stack.enter_context(Network())
        except (FileNotFoundError, subprocess.CalledProcessError):  # no iproute2, no root, or a container that may not
            network = None
        yield network


@pytest.fixture(scope="package")
def cluster(network: Network | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Three nodes: two serve, and one is to spare, for a roll or in place of one that is lost. What the head knows outlives it."""
    variables = {
        "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": str(DRAINING_S),
        "RAY_gcs_storage": "rocksdb",
        "RAY_gcs_storage_path": str(tmp_path_factory.mktemp("ray") / "gcs"),
    }
    with Cluster(free_port, network.machine if network else None, **variables) as running:
        running.add()
        running.add()
        yield running
