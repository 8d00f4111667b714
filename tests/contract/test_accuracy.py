"""The service is as good as its reports say, to the last image."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import numpy.typing as npt
import pytest

from tests.app.folders import LOADED, NEWEST
from tests.conftest import png
from tests.server import Server
from training.data import Dataset

THREADS = 4
BATCH = 250
AT_LEAST = {("ann", 1): 0.850, ("cnn", 1): 0.905, ("ann", 2): 0.895, ("cnn", 2): 0.930, ("resnet", 1): 0.950}


def predicted(server: Server, images: list[bytes], ask: Callable[[httpx.Client, list[bytes]], list[int]]) -> npt.NDArray[np.int64]:
    """What `ask` finds out about every image, the work shared by several clients."""

    def part(start: int) -> list[int]:
        with httpx.Client(base_url=server.http.base_url, timeout=60) as client:
            return ask(client, images[start : start + BATCH])

    with ThreadPoolExecutor(THREADS) as pool:
        return np.concatenate(list(pool.map(part, range(0, len(images), BATCH))))


def assert_as_reported(folder: Path, found: npt.NDArray[np.int64], dataset: Dataset) -> None:
    test = json.loads((folder / "report.json").read_text())["test"]
    matrix = np.zeros((10, 10), np.int64)
    np.add.at(matrix, (dataset.test_labels, found), 1)
    assert matrix.tolist() == test["confusion_matrix"]
    assert int(matrix.trace()) == test["correct"]
    assert int(matrix.sum() - matrix.trace()) == test["incorrect"]
    assert matrix.trace() / len(found) == test["accuracy"]


@pytest.mark.parametrize(("name", "version"), LOADED)
def test_all_test_images_over_http_give_the_reports_confusion_matrix(
    server: Server, models: Path, dataset: Dataset, name: str, version: int
) -> None:
    def ask(client: httpx.Client, images: list[bytes]) -> list[int]:
        answer = client.post(f"/predict/batch?model={name}&version={version}", files=[("files", each) for each in images])
        return [each["index"] for each in answer.json()["results"]]

    found = predicted(server, [png(image) for image in dataset.test_images[..., 0]], ask)
    assert_as_reported(models / name / str(version), found, dataset)
    assert (found == dataset.test_labels).mean() >= AT_LEAST.get((name, version), 0)


@pytest.mark.parametrize("name", NEWEST)
def test_the_batch_route_gives_the_same_answers(server: Server, dataset: Dataset, name: str) -> None:
    images = [png(image) for image in dataset.test_images[:256, ..., 0]]
    batch = server.http.post(f"/predict/batch?model={name}", files=[("files", each) for each in images]).json()["results"]
    for each, answer in zip(images, batch, strict=True):
        single = server.http.post(f"/predict?model={name}", files={"file": each}).json()
        assert single["label"] == answer["label"]
        np.testing.assert_allclose(list(single["probabilities"].values()), list(answer["probabilities"].values()), atol=1e-6)
