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

from tests.groups import group, is_alone, order
from tests.server import ROOT, Server
from training import data
from training.data import Dataset

MODELS = ROOT / "models"
COVERED = ("tests/app/", "tests/training/")
COVERAGE_PROCESS = "COVERAGE_PROCESS_CONFIG"
COVERAGE: dict[str, str] = {}
"""That variable, while it is not set: by it coverage.py finds the processes that tests start."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Group the tests for pytest's workers: those of a file share fixtures, so one worker runs them; see `tests/groups.py`."""
    for item in items:
        path = item.path.relative_to(ROOT / "tests").as_posix()
        item.add_marker(pytest.mark.xdist_group(group(path)))
        if is_alone(path):
            item.add_marker(pytest.mark.alone)
    items.sort(key=lambda item: order(item.path.relative_to(ROOT / "tests").as_posix()))


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
