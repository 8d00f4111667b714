"""The measurement: what it counts is worked out by hand, and a classifier loses by every corruption."""

from __future__ import annotations

import json

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.linear_model import RidgeClassifier

from training.data import Dataset
from training.evidence.corruptions import CORRUPTIONS
from training.evidence.robustness import robustness

GREY = np.repeat(np.array([100, 200], np.uint8), 2)[:, np.newaxis, np.newaxis, np.newaxis] * np.ones((1, 28, 28, 1), np.uint8)
"""Four images of one grey level each: two of 100, two of 200."""
LABELS = np.array([0, 0, 1, 1], np.uint8)


def bright(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """1 for an image whose mean level is 150 or more, else 0."""
    return np.asarray(images.mean(axis=(1, 2, 3)) >= 150, np.int64)


def test_accuracies_are_those_worked_out_by_hand() -> None:
    """Only 60 levels more lift 100 above 150; no other corruption takes a quarter of an image's light or adds half."""
    measured = robustness(bright, GREY, LABELS)
    assert measured["clean"] == 1
    accuracies = {name: [row["accuracy"] for row in entry["severities"]] for name, entry in measured["corruptions"].items()}
    unharmed = [1.0] * 5
    assert accuracies == dict.fromkeys(CORRUPTIONS, unharmed) | {"brightness": [1.0, 1.0, 1.0, 0.5, 0.5]}
    assert measured["mean_accuracy"] == pytest.approx(29 / 30)


def test_clean_is_the_accuracy_without_any_damage() -> None:
    wrong_once = np.array([0, 1, 1, 1], np.uint8)
    assert robustness(bright, GREY, wrong_once)["clean"] == 0.75


def test_rows_name_their_severity_and_its_parameter_and_are_ready_for_json() -> None:
    measured = robustness(bright, GREY, LABELS)
    assert json.loads(json.dumps(measured)) == measured
    noise = measured["corruptions"]["noise"]
    assert noise["unit"].startswith("grey levels")
    assert [(row["severity"], row["parameter"]) for row in noise["severities"]] == [(1, 5), (2, 10), (3, 20), (4, 35), (5, 50)]


def test_a_linear_classifier_loses_little_at_first_and_much_at_last(dataset: Dataset) -> None:
    """The severities are neither harmless nor hopeless, and each is harder than the one before; 0.01 is ten images' luck."""
    train = dataset.limited(10_000)
    linear = RidgeClassifier(1e4).fit(train.train_images.reshape(10_000, -1).astype(np.float32), train.train_labels)

    def classes(shown: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
        return np.asarray(linear.predict(shown.reshape(len(shown), -1)), np.int64)

    measured = robustness(classes, dataset.test_images[:1000], dataset.test_labels[:1000])
    assert measured["clean"] > 0.8
    for name, entry in measured["corruptions"].items():
        lost = [measured["clean"] - row["accuracy"] for row in entry["severities"]]
        assert lost[0] < 0.1, name
        assert (np.diff(lost) > -0.01).all(), name
        assert 0.09 < lost[4] < 0.65, name
