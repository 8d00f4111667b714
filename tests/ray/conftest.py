"""A real Ray cluster on this machine, in an environment of its own: a head and two more nodes, each with room for one replica."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.ray_serve.cluster import Cluster
from benchmarks.ray_serve.release import release
from tests.app.folders import paper_models
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


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Three nodes: two serve, and one is to spare, for a roll or in place of one that is lost."""
    with Cluster(free_port, RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S=str(DRAINING_S)) as running:
        running.add()
        running.add()
        yield running
