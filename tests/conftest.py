"""What several test packages share: the data, the committed models, a real server."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tests.groups import group, is_alone, order
from tests.server import ROOT, Server
from training import data
from training.data import Dataset

MODELS = ROOT / "models"
COVERED = ("tests/app/", "tests/training/")
COVERAGE_PROCESS = "COVERAGE_PROCESS_CONFIG"
COVERAGE: dict[str, str] = {}
"""That variable, while it is not set: by it coverage.py finds the processes that tests start."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Have one of pytest's workers run all tests of a group, which share fixtures; see `tests/groups.py`."""
    return ByGroup(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, and mark what runs alone."""
    for item in items:
        if is_alone(_path(item.nodeid)):
            item.add_marker(pytest.mark.alone)
    items.sort(key=lambda item: order(_path(item.nodeid)))


class ByGroup(LoadScopeScheduling):  # type: ignore[misc]  # it has no types
    """As `--dist loadscope`, but by our groups. xdist's own, marked, are passed over by pytest from 9.2 on, without a word."""

    def _split_scope(self, nodeid: str) -> str:
        return group(_path(nodeid))


def _path(nodeid: str) -> str:
    """The file of a test, below `tests/`."""
    return nodeid.partition("::")[0].removeprefix("tests/")


def pytest_runtest_logstart(nodeid: str) -> None:
    """Have coverage measure what a test starts where the service itself is tested; elsewhere it would show nothing new, and cost time."""
    if nodeid.startswith(COVERED):
        os.environ.update(COVERAGE)
    elif COVERAGE_PROCESS in os.environ:
        COVERAGE[COVERAGE_PROCESS] = os.environ.pop(COVERAGE_PROCESS)


@pytest.fixture(scope="session")
def dataset() -> Dataset:
    """The real data set, whole."""
    return data.load()


@pytest.fixture(scope="session")
def models() -> Path:
    """The committed models."""
    return MODELS


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """One server on the committed models, for every test that leaves it as it was."""
    with Server(models_dir=str(MODELS)) as running:
        yield running


def png(pixels: npt.NDArray[np.uint8]) -> bytes:
    """A PNG of an array of uint8 `(height, width)` or `(height, width, channels)`."""
    return encoded(Image.fromarray(pixels), "PNG")


def encoded(image: Image.Image, image_format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()
