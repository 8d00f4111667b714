from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from tests import data
from tests.app.folders import LOADED, NEWEST
from tests.conftest import encoded, png
from tests.server import Server
from training.data import LABELS, Dataset


def golden(models: Path, name: str, version: int) -> list[tuple[bytes, dict[str, Any]]]:
    images = json.loads((models / name / str(version) / "golden.json").read_text())["images"]
    return [(png(np.frombuffer(base64.b64decode(each["pixels"]), np.uint8).reshape(28, 28)), each) for each in images]


@pytest.mark.parametrize(("name", "version"), LOADED)
@pytest.mark.parametrize("raw", [False, True])
def test_one_image_of_each_class(server: Server, models: Path, name: str, version: int, raw: bool) -> None:
    for image, expected in golden(models, name, version):
        if raw:
            response = server.http.post(f"/predict?model={name}&version={version}", content=image, headers={"Content-Type": "image/png"})
        else:
            response = server.http.post(f"/predict?model={name}&version={version}", files={"file": ("shoe.png", image, "image/png")})
        assert response.status_code == 200
        answer = response.json()
        assert set(answer) == {"model", "version", "label", "index", "confidence", "probabilities", "fit", "warnings"}
        assert (answer["model"], answer["version"], answer["fit"]) == (name, version, "strict")
        assert list(answer["probabilities"]) == list(LABELS)
        values = list(answer["probabilities"].values())
        np.testing.assert_allclose(values, expected["probabilities"], atol=1e-5)
        assert sum(values) == pytest.approx(1, abs=1e-6)
        assert answer["index"] == int(np.argmax(expected["probabilities"]))
        assert answer["label"] == LABELS[answer["index"]]
        assert answer["confidence"] == max(values)


def test_the_default_model_is_the_configured_one(server: Server, dataset: Dataset) -> None:
    image = png(dataset.test_images[0, ..., 0])
    answer = server.http.post("/predict", files={"file": image}).json()
    assert (answer["model"], answer["version"]) == ("cnn", NEWEST["cnn"])


def test_a_content_type_may_have_parameters_and_capitals(server: Server, dataset: Dataset) -> None:
    image = png(dataset.test_images[0, ..., 0])
    response = server.http.post("/predict", content=image, headers={"Content-Type": "Image/PNG; q=1"})
    assert response.status_code == 200


def test_a_batch_answers_in_order_and_a_bad_image_fails_alone(server: Server, dataset: Dataset) -> None:
    images = [png(dataset.test_images[i, ..., 0]) for i in range(6)]
    images[2] = b"not an image"
    images[4] = png(np.zeros((27, 28), np.uint8))
    response = server.http.post("/predict/batch", files=[("files", each) for each in images])
    assert response.status_code == 200
    results = response.json()["results"]
    assert [each.get("status") for each in results] == [None, None, 415, None, 422, None]
    for i in (0, 1, 3, 5):
        alone = server.http.post("/predict", files={"file": images[i]}).json()
        assert results[i]["label"] == alone["label"]
    assert results[2]["request_id"] == response.headers["X-Request-ID"]
    assert "27x28" not in results[4]["detail"]
    assert "28x27" in results[4]["detail"]


def test_a_batch_of_bad_images_only(server: Server) -> None:
    results = server.http.post("/predict/batch", files=[("files", b"x"), ("files", b"")]).json()["results"]
    assert [each["status"] for each in results] == [415, 422]


def test_a_full_batch_and_one_too_many(server: Server, dataset: Dataset) -> None:
    image = png(dataset.test_images[0, ..., 0])
    full = server.http.post("/predict/batch?model=ann", files=[("files", image)] * 256)
    assert len(full.json()["results"]) == 256
    over = server.http.post("/predict/batch", files=[("files", image)] * 257)
    assert over.status_code == 422
    assert "257 files named files and must have 1 to 256" in over.json()["detail"]


def test_compare_holds_every_models_answer(server: Server, dataset: Dataset) -> None:
    image = png(dataset.test_images[0, ..., 0])
    answer = server.http.post("/compare", files={"file": image}).json()
    assert list(answer["models"]) == list(NEWEST)
    for name, each in answer["models"].items():
        assert each == server.http.post(f"/predict?model={name}", files={"file": image}).json()
    assert answer["agree"] is True


def test_compare_says_when_the_models_disagree(server: Server, dataset: Dataset) -> None:
    agreements = set()
    for i in range(60):
        answer = server.http.post("/compare", files={"file": png(dataset.test_images[i, ..., 0])}).json()
        labels = {each["label"] for each in answer["models"].values()}
        assert answer["agree"] is (len(labels) == 1)
        agreements.add(answer["agree"])
    assert agreements == {True, False}


def test_a_version_may_be_named(server: Server, dataset: Dataset) -> None:
    image = png(dataset.test_images[0, ..., 0])
    assert server.http.post("/predict?model=ann&version=1", files={"file": image}).json()["version"] == 1


def test_a_remark_about_the_file_reaches_the_answer(server: Server) -> None:
    grey = Image.fromarray(data.load()[0][0, ..., 0])
    animated = encoded(grey, "PNG", save_all=True, append_images=[ImageOps.invert(grey)])
    answer = server.http.post("/predict", files={"file": animated}).json()
    assert answer["label"] == "Ankle boot"
    assert answer["warnings"] == ["The file holds 2 pictures: only the first was classified."]
