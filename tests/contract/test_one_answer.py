"""All 10,000 test images give the same labels and the same probabilities by every way in."""

from __future__ import annotations

import base64
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import numpy as np
import numpy.typing as npt
import pytest

from tests.app.folders import NEWEST
from tests.conftest import MODELS, png
from tests.contract.test_accuracy import assert_as_reported
from tests.server import Server
from training.data import Dataset

THREADS = 2
BATCH = 250
PNG = {"Content-Type": "image/png"}

Images = npt.NDArray[np.uint8]
Ask = Callable[[httpx.Client, Images], Any]


def probabilities(address: httpx.URL | str, images: Images, ask: Ask) -> npt.NDArray[np.float64]:
    """What `ask` is answered for all images by the server at an address, `[10000, 10]`, the work shared by several clients."""

    def part(start: int) -> Any:
        with httpx.Client(base_url=address, timeout=60) as client:
            return ask(client, images[start : start + BATCH])

    with ThreadPoolExecutor(THREADS) as pool:
        return np.concatenate(list(pool.map(part, range(0, len(images), BATCH))))


def one_by_one(client: httpx.Client, images: Images) -> Any:
    answers = [client.post("/predict", content=png(each[..., 0]), headers=PNG).json() for each in images]
    return [list(each["probabilities"].values()) for each in answers]


def batch(client: httpx.Client, images: Images) -> Any:
    answer = client.post("/predict/batch", files=[("files", png(each[..., 0])) for each in images])
    return [list(each["probabilities"].values()) for each in answer.json()["results"]]


def v1_rows(client: httpx.Client, images: Images) -> Any:
    answer = client.post("/v1/models/cnn:predict", json={"instances": images.tolist()})
    return [each["probabilities"] for each in answer.json()["predictions"]]


def v1_columns(client: httpx.Client, images: Images) -> Any:
    return client.post("/v1/models/cnn:predict", json={"inputs": {"image": images.tolist()}}).json()["outputs"]["probabilities"]


def v1_pictures(client: httpx.Client, images: Images) -> Any:
    instances = [{"b64": base64.b64encode(png(each[..., 0])).decode()} for each in images]
    return [each["probabilities"] for each in client.post("/v1/models/cnn:predict", json={"instances": instances}).json()["predictions"]]


def v2_json(client: httpx.Client, images: Images) -> Any:
    given = {"name": "image", "shape": list(images.shape), "datatype": "UINT8", "data": images.ravel().tolist()}
    [output] = client.post("/v2/models/cnn/infer", json={"inputs": [given], "outputs": [{"name": "probabilities"}]}).json()["outputs"]
    return np.array(output["data"]).reshape(output["shape"])


def v2_binary(client: httpx.Client, images: Images) -> Any:
    answer = client.post("/v2/models/cnn/infer", content=images.tobytes(), headers={"Inference-Header-Content-Length": "0"})
    length = int(answer.headers["Inference-Header-Content-Length"])
    return np.frombuffer(answer.content[length : length + 40 * len(images)], "<f4").reshape(-1, 10)


@pytest.fixture(scope="module")
def expected(server: Server, dataset: Dataset) -> npt.NDArray[np.float64]:
    return probabilities(server.http.base_url, dataset.test_images, one_by_one)


def test_one_by_one_they_are_as_the_report_says(expected: npt.NDArray[np.float64], dataset: Dataset) -> None:
    assert_as_reported(MODELS / "cnn" / str(NEWEST["cnn"]), expected.argmax(axis=1), dataset)


@pytest.mark.parametrize("ask", [batch, v1_rows, v1_columns, v1_pictures, v2_json, v2_binary])
def test_so_are_they_by_every_other_way(server: Server, dataset: Dataset, expected: npt.NDArray[np.float64], ask: Ask) -> None:
    found = probabilities(server.http.base_url, dataset.test_images, ask)
    assert (found.argmax(axis=1) == expected.argmax(axis=1)).all()
    np.testing.assert_allclose(found, expected, atol=1e-6)
