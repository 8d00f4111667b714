"""Rankings: precision and recall that a threshold reaches, scikit-learn's average precision, and the pairs confused most."""

from __future__ import annotations

import json

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.metrics import average_precision_score

from training.data import LABELS
from training.evidence.ranking import confused_pairs, precision_recall


def scored(images: int, levels: int) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float32]]:
    """A tenth of the images is positive and scores higher on the whole; scores have so many levels."""
    generator = np.random.default_rng(11)
    positive = np.arange(images) % 10 == 0
    score = generator.normal(positive * 1.5, 1, images)
    return positive, np.round(score * levels / 8).astype(np.float32)


def test_the_curve_is_that_worked_out_by_hand() -> None:
    """In order of score: positive, negative, then a positive and a negative level with each other, then a positive."""
    positive = np.array([True, False, True, False, True, False])
    score = np.array([0.9, 0.8, 0.7, 0.7, 0.6, 0.1], np.float32)
    found = precision_recall(positive, score)
    assert found["recall"] == pytest.approx([1 / 3, 2 / 3, 1])
    assert found["precision"] == pytest.approx([1, 2 / 4, 3 / 5])
    assert found["average_precision"] == pytest.approx((1 + 2 / 4 + 3 / 5) / 3)


@pytest.mark.parametrize("levels", [8, 100, 100_000])
def test_each_point_is_one_that_a_threshold_reaches(levels: int) -> None:
    positive, score = scored(3000, levels)
    reached: dict[float, float] = {}
    for threshold in np.unique(score)[::-1]:  # the highest first, so of one recall the best precision stays
        predicted = score >= threshold
        found_positive = (positive & predicted).sum()
        reached.setdefault(found_positive / positive.sum(), found_positive / predicted.sum())
    found = precision_recall(positive, score)
    assert (np.diff(found["recall"]) > 0).all()
    assert dict(zip(found["recall"], found["precision"], strict=True)) == {recall: reached[recall] for recall in found["recall"]}
    # no recall that is asked for lacks the first point at or above it
    recalls = sorted(reached)
    assert found["recall"] == sorted({next(recall for recall in recalls if recall >= step / 100) for step in range(101)})


def test_a_thousand_positives_are_read_at_each_percent() -> None:
    positive, score = scored(10_000, 1_000_000_000)
    found = precision_recall(positive, score)
    assert found["recall"][-100:] == [percent / 100 for percent in range(1, 101)]
    assert len(precision_recall(positive, score, points=11)["recall"]) == 11


def test_the_average_precision_is_scikit_learns_and_that_of_the_unthinned_curve() -> None:
    positive, score = scored(500, 100_000)
    found = precision_recall(positive, score)
    assert found["average_precision"] == pytest.approx(average_precision_score(positive, score))
    # fifty positives without ties: all of their thresholds are stored, and the steps between them sum to the average
    assert np.dot(np.diff(found["recall"], prepend=0), found["precision"]) == pytest.approx(found["average_precision"])
    assert found["average_precision"] == precision_recall(positive, score, points=3)["average_precision"]


def test_a_perfect_ranking_keeps_precision_1_and_a_constant_one_has_a_single_threshold() -> None:
    positive = np.array([True, True, False, False])
    perfect = precision_recall(positive, np.array([0.9, 0.8, 0.2, 0.1], np.float32))
    assert (perfect["recall"], perfect["precision"], perfect["average_precision"]) == ([0.5, 1], [1, 1], 1)
    constant = precision_recall(positive, np.full(4, 0.5, np.float32))
    assert (constant["recall"], constant["precision"], constant["average_precision"]) == ([1], [0.5], 0.5)


def test_a_negative_ranked_first_is_not_hidden() -> None:
    found = precision_recall(np.array([False, True]), np.array([0.9, 0.8], np.float32))
    assert (found["recall"], found["precision"]) == ([0, 1], [0, 0.5])


def test_pairs_are_listed_by_how_often_they_are_confused() -> None:
    matrix = [[0] * 10 for _ in range(10)]
    for label in range(10):
        matrix[label][label] = 90
    matrix[6][0] = 10
    matrix[0][6] = 30
    matrix[2][4] = 10
    matrix[3][6] = 5
    assert confused_pairs(matrix) == [
        {"true": "T-shirt/top", "predicted": "Shirt", "images": 30, "share": 30 / 120},
        {"true": "Pullover", "predicted": "Coat", "images": 10, "share": 10 / 100},
        {"true": "Shirt", "predicted": "T-shirt/top", "images": 10, "share": 10 / 100},
        {"true": "Dress", "predicted": "Shirt", "images": 5, "share": 5 / 95},
    ]


def test_ten_pairs_are_listed_at_most() -> None:
    matrix = [[100 * row + column for column in range(10)] for row in range(10)]
    pairs = confused_pairs(matrix)
    assert [pair["images"] for pair in pairs] == [908, 907, 906, 905, 904, 903, 902, 901, 900, 809]
    assert {(pair["true"], pair["predicted"]) for pair in pairs[:9]} == {("Ankle boot", label) for label in LABELS[:9]}


def test_a_model_without_a_mistake_confuses_no_pair() -> None:
    assert confused_pairs(np.diag([5] * 9 + [0]).tolist()) == []


def test_the_figures_are_json() -> None:
    found = precision_recall(*scored(200, 50))
    assert json.loads(json.dumps(found, allow_nan=False)) == found
