"""The committed mistakes are those that the committed reports count, made by the committed models, and their pictures the data set's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from app.model import Model
from app.schemas.mistakes import Mistakes
from tests.app.folders import NEWEST, read
from tests.app.test_schemas import undescribed
from tests.conftest import MODELS
from tests.server import Server
from training.data import LABELS, Dataset
from training.evidence.answers import Answers


@pytest.fixture(scope="module")
def index() -> Mistakes:
    return Mistakes.model_validate_json((MODELS / "mistakes.json").read_bytes())


def confusions(true: list[int], predicted: list[int]) -> npt.NDArray[np.int64]:
    """How often each class was taken for each other one, `[true, predicted]`, with nothing on the diagonal."""
    counts = np.zeros((len(LABELS), len(LABELS)), np.int64)
    np.add.at(counts, (true, predicted), 1)
    np.fill_diagonal(counts, 0)
    return counts


def test_they_are_of_the_newest_versions_and_described(index: Mistakes) -> None:
    assert {name: row.version for name, row in index.models.items()} == NEWEST
    assert index.labels == list(LABELS)
    assert undescribed(index) == []


@pytest.mark.parametrize("name", NEWEST)
def test_they_agree_with_the_reports_confusion_matrix(index: Mistakes, name: str) -> None:
    test = read(MODELS / name / str(NEWEST[name]) / "report.json")["test"]
    matrix = np.array(test["confusion_matrix"])
    np.fill_diagonal(matrix, 0)
    found = confusions(index.true, index.models[name].predicted)
    assert found.tolist() == matrix.tolist()
    assert found.sum() == test["incorrect"]


def test_every_image_is_one_that_a_model_gets_wrong_once_and_in_order(index: Mistakes, dataset: Dataset) -> None:
    assert index.test_index == sorted(set(index.test_index))
    assert index.true == dataset.test_labels[index.test_index].tolist()
    predicted = np.array([row.predicted for row in index.models.values()])
    assert (predicted != index.true).any(axis=0).all()


@pytest.mark.parametrize("name", NEWEST)
def test_what_a_model_says_of_them_is_what_was_stored(index: Mistakes, name: str) -> None:
    stored = Answers.read(MODELS / name / str(NEWEST[name]))
    assert index.models[name].predicted == stored.predicted[index.test_index].tolist()
    np.testing.assert_allclose(index.models[name].confidence, stored.confidence[index.test_index], atol=5.1e-5)


@pytest.mark.parametrize("name", NEWEST)
def test_the_service_makes_them_too(index: Mistakes, dataset: Dataset, name: str) -> None:
    row = index.models[name]
    probabilities = Model(MODELS / name / str(row.version), "litert").classify(dataset.test_images[index.test_index]).probabilities
    np.testing.assert_allclose(probabilities[np.arange(len(row.predicted)), row.predicted], row.confidence, atol=1.5e-4)


def test_each_cell_of_the_sprite_is_the_data_sets_image(index: Mistakes, dataset: Dataset) -> None:
    with Image.open(MODELS / "mistakes.png") as sprite:
        assert sprite.mode == "L"
        pixels = np.asarray(sprite)
    assert pixels.shape == (-(-len(index.test_index) // index.columns) * 28, index.columns * 28)
    for place, position in enumerate(index.test_index):
        row, column = divmod(place, index.columns)
        cell = pixels[28 * row : 28 * (row + 1), 28 * column : 28 * (column + 1)]
        assert (cell == dataset.test_images[position, ..., 0]).all(), place
    assert not pixels[-28:, (len(index.test_index) % index.columns or index.columns) * 28 :].any()


def test_they_are_served_as_committed(server: Server, models: Path) -> None:
    assert server.http.get("/mistakes").content == (models / "mistakes.json").read_bytes()
    assert server.http.get("/mistakes/sprite").content == (models / "mistakes.png").read_bytes()
