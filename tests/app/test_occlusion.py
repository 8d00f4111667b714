"""What an answer rests on, over real HTTP: each figure is what anyone would find who covers the image's parts and asks again."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

import anyio
import httpx
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageFilter, ImageOps

from app.classifier import Classifier
from app.model import Model
from app.occlusion import occluded
from app.settings import Settings
from tests import data
from tests.app.crowd import outcomes
from tests.app.folders import LOADED, NEWEST
from tests.app.test_uploads import GOOD, NOISE, rejected
from tests.conftest import MODELS, encoded, png
from tests.server import Server

Pixels = npt.NDArray[np.uint8]

IMAGES, _ = data.load()
SHIRT, SANDAL = IMAGES[4, ..., 0], IMAGES[23, ..., 0]
"""Test images that the models are not sure of, so that covering a part moves the answer."""
EXACT = 2e-6
"""Rounding, and what a graph for one image and one for several differ by."""


def explained(server: Server, image: Pixels, query: str = "") -> dict[str, Any]:
    response = server.http.post(f"/explain?{query}", files={"file": png(image)})
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def covering(image: Pixels, row: int, column: int) -> list[Pixels]:
    """The image with a black square of 6x6 over the pixel, once for each such square whose corner has even coordinates."""
    covered = []
    for top in (each for each in range(row - 5, row + 1) if each % 2 == 0):
        for left in (each for each in range(column - 5, column + 1) if each % 2 == 0):
            copy = image.copy()
            copy[max(top, 0) : top + 6, max(left, 0) : left + 6] = 0
            covered.append(copy)
    return covered


def by_hand(server: Server, image: Pixels, row: int, column: int, query: str) -> float:
    """The mean change, of the probability of the class that the image has uncovered, over the squares that cover the pixel."""
    whole = server.http.post(f"/predict?{query}", files={"file": png(image)}).json()
    squares = [("files", png(each)) for each in covering(image, row, column)]
    results = server.http.post(f"/predict/batch?{query}", files=squares).json()["results"]
    assert len(results) == 9
    return float(np.mean([each["probabilities"][whole["label"]] for each in results]) - whole["confidence"])


@pytest.mark.parametrize(("name", "version"), LOADED)
def test_a_pixels_figure_is_the_mean_over_the_squares_that_cover_it(server: Server, name: str, version: int) -> None:
    query = f"model={name}&version={version}"
    found = []
    for image in (SHIRT, SANDAL):
        change = explained(server, image, query)["change"]
        for row, column in ((0, 0), (27, 27), (3, 20), (20, 3), (9, 14), (14, 9), (15, 10), (25, 12)):
            found.append(by_hand(server, image, row, column, query))
            assert change[row][column] == pytest.approx(found[-1], abs=EXACT)
    assert min(found) < -0.05  # the pixels chosen show something


@pytest.mark.parametrize("name", NEWEST)
def test_it_is_about_the_class_that_predict_answers(server: Server, name: str) -> None:
    for image in IMAGES[:30, ..., 0]:
        answer = explained(server, image, f"model={name}")
        assert set(answer) == {"model", "version", "label", "index", "confidence", "fit", "patch", "stride", "change"}
        predicted = server.http.post(f"/predict?model={name}", files={"file": png(image)}).json()
        assert {key: answer[key] for key in ("model", "version", "label", "index", "fit")} == {
            key: predicted[key] for key in ("model", "version", "label", "index", "fit")
        }
        assert answer["confidence"] == pytest.approx(predicted["confidence"], abs=EXACT)
        assert (answer["patch"], answer["stride"]) == (6, 2)
        assert np.array(answer["change"]).shape == (28, 28)


def test_no_confidence_falls_below_0_or_rises_above_1(server: Server) -> None:
    for image in IMAGES[:30, ..., 0]:
        answer = explained(server, image)
        after = answer["confidence"] + np.array(answer["change"])
        assert after.min() > -EXACT
        assert after.max() < 1 + EXACT


def test_a_figure_has_six_digits_and_no_more(server: Server) -> None:
    figures = [str(each) for row in explained(server, SHIRT)["change"] for each in row]
    assert max(len(each.partition("e")[0].lstrip("-").removeprefix("0.")) for each in figures) == 6


@pytest.mark.parametrize("name", NEWEST)
def test_covering_ground_with_ground_changes_nothing(server: Server, name: str) -> None:
    change = np.array(explained(server, SANDAL, f"model={name}")["change"])
    untouched = np.asarray(Image.fromarray(SANDAL).filter(ImageFilter.MaxFilter(11))) == 0  # no square over it reaches the garment
    assert untouched.sum() > 50
    assert np.abs(change[untouched]).max() < EXACT
    assert np.abs(change[~untouched]).max() > 0.05


def test_a_blank_image_rests_on_nothing(server: Server) -> None:
    assert np.abs(explained(server, np.zeros((28, 28), np.uint8))["change"]).max() < EXACT


def test_each_pixel_is_covered_as_often_as_every_other() -> None:
    copies = occluded(np.full((28, 28), 255, np.uint8))
    assert copies.dtype == np.uint8
    assert copies.shape == (256, 28, 28, 1)
    assert len(np.unique(copies, axis=0)) == 256
    assert set(np.unique(copies)) == {0, 255}
    assert ((copies == 0).sum(axis=0) == 9).all()


def test_what_is_not_covered_stays_as_it_was() -> None:
    image = np.random.default_rng(0).integers(1, 256, (28, 28), np.uint8)
    before = image.copy()
    copies = occluded(image)[..., 0]
    assert (image == before).all()
    assert ((copies == 0) | (copies == image)).all()


def test_a_photo_is_fitted_first(server: Server) -> None:
    photo = encoded(ImageOps.invert(Image.fromarray(SHIRT)).resize((900, 1200), Image.Resampling.BICUBIC), "JPEG", quality=90)
    response = server.http.post("/explain?fit=garment", content=photo, headers={"Content-Type": "image/jpeg"})
    seen = server.http.post("/preprocess?fit=garment", files={"file": photo}).json()["pixels"]
    assert response.status_code == 200
    assert response.json() == {**explained(server, np.array(seen, np.uint8)), "fit": "garment"}
    assert np.abs(response.json()["change"]).max() > 0.05


@pytest.mark.parametrize(
    "content", [b"", b"hello", NOISE[:400], png(np.zeros((28, 27), np.uint8)), encoded(Image.new("L", (28, 28)), "GIF")]
)
@pytest.mark.parametrize("query", ["", "fit=garment"])
def test_a_bad_image_is_refused_as_by_predict(server: Server, content: bytes, query: str) -> None:
    alike(*(server.http.post(f"{path}?{query}", files={"file": content}) for path in ("/predict", "/explain")))


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("model=vgg", 404),
        ("version=99", 404),
        ("version=0", 422),
        ("fit=loose", 422),
        ("modle=ann", 422),
        ("model=ann&model=cnn", 422),
    ],
)
def test_a_wrong_parameter_is_refused_as_by_predict(server: Server, query: str, status: int) -> None:
    predicted, refused = (server.http.post(f"{path}?{query}", files={"file": GOOD}) for path in ("/predict", "/explain"))
    rejected(refused, status)
    alike(predicted, refused)


@pytest.mark.parametrize("content_type", ["", "application/json", "image/gif", "multipart/form-data"])
def test_a_body_of_another_kind_is_refused_as_by_predict(server: Server, content_type: str) -> None:
    headers = {"Content-Type": content_type}
    predicted, refused = (server.http.post(path, content=GOOD, headers=headers) for path in ("/predict", "/explain"))
    rejected(refused, 400 if "multipart" in content_type else 415)
    alike(predicted, refused)


def alike(predicted: httpx.Response, explanation: httpx.Response) -> None:
    """Both are refused, or neither is: with the same status and the same words."""
    assert explanation.status_code == predicted.status_code
    if predicted.is_error:
        assert {**explanation.json(), "request_id": ""} == {**predicted.json(), "request_id": ""}


def test_its_log_line_says_what_was_answered(models: object) -> None:
    with Server(models_dir=str(models)) as server:
        answer = explained(server, SHIRT, "model=ann")
        server.stop()  # a line is written after its answer
        [line] = [each for each in server.logs() if each.get("path") == "/explain"]
    assert (line["model"], line["version"], line["label"]) == ("ann", NEWEST["ann"], answer["label"])


def test_it_waits_in_the_bounded_queue_of_photos_and_batches() -> None:
    cnn = Model(MODELS / "cnn" / str(NEWEST["cnn"]), "litert")
    classifier = Classifier(Settings(photo_threads=1, photo_queue=1))

    def work(number: int) -> Awaitable[object]:
        return classifier.explain(cnn, GOOD, "strict") if number % 2 else classifier.batch(cnn, [GOOD], "strict")

    for _ in range(3):  # each round finds an empty queue
        assert anyio.run(outcomes, work, 6) == ["answered", "answered", "refused", "refused", "refused", "refused"]
