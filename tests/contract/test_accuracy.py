"""The service is as good as its report says, to the last image."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pytest

from tests.conftest import png
from tests.server import Server
from training.data import Dataset

THREADS = 4


@pytest.mark.parametrize(("name", "at_least"), [("ann", 0.850), ("cnn", 0.905)])
def test_all_test_images_over_http_give_the_reports_confusion_matrix(
    server: Server, models: Path, dataset: Dataset, name: str, at_least: float
) -> None:
    report = json.loads((models / name / "1" / "report.json").read_text())
    images = [png(image) for image in dataset.test_images[..., 0]]

    def classify(part: list[bytes]) -> list[int]:
        with httpx.Client(base_url=server.http.base_url, headers={"Content-Type": "image/png"}) as client:
            return [client.post(f"/predict?model={name}&version=1", content=each).json()["index"] for each in part]

    with ThreadPoolExecutor(THREADS) as pool:
        parts = [images[i::THREADS] for i in range(THREADS)]
        predicted = np.empty(len(images), np.int64)
        for i, indices in enumerate(pool.map(classify, parts)):
            predicted[i::THREADS] = indices

    matrix = np.zeros((10, 10), np.int64)
    np.add.at(matrix, (dataset.test_labels, predicted), 1)
    assert matrix.tolist() == report["test"]["confusion_matrix"]
    assert int(matrix.trace()) == report["test"]["correct"]
    assert int(matrix.sum() - matrix.trace()) == report["test"]["incorrect"]
    assert matrix.trace() / len(images) == report["test"]["accuracy"]
    assert report["test"]["accuracy"] >= at_least


@pytest.mark.parametrize("name", ["ann", "cnn"])
def test_the_batch_route_gives_the_same_answers(server: Server, dataset: Dataset, name: str) -> None:
    images = [png(image) for image in dataset.test_images[:256, ..., 0]]
    batch = server.http.post(f"/predict/batch?model={name}", files=[("files", each) for each in images]).json()["results"]
    for each, answer in zip(images, batch, strict=True):
        single = server.http.post(f"/predict?model={name}", files={"file": each}).json()
        assert single["label"] == answer["label"]
        np.testing.assert_allclose(list(single["probabilities"].values()), list(answer["probabilities"].values()), atol=1e-6)
