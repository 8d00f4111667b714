"""Bootstrap intervals: the figures are scikit-learn's, the quantiles NumPy's over images drawn one by one, and they cover what is true."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import bootstrap
from sklearn.metrics import accuracy_score, f1_score, roc_auc_score

from training.evidence import intervals as module
from training.evidence.intervals import interval, intervals, resamples, right_and_f1, roc_auc

FIGURES = ("accuracy", "macro_f1", "macro_roc_auc", "loss")
Answered = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float32], npt.NDArray[np.float64]]


def answered(images: int, seed: int, share_right: float = 0.8, shift: float = 2.0, decimals: int = 9) -> Answered:
    """A made-up model: right with a known probability, scores a known distance apart, a mean loss of 0.3."""
    generator = np.random.default_rng(seed)
    true = np.arange(images) % 10
    predicted = np.where(generator.random(images) < share_right, true, (true + generator.integers(1, 10, images)) % 10)
    scores = generator.normal(size=(images, 10)) + shift * np.eye(10)[true]
    return true, predicted, scores.round(decimals).astype(np.float32), generator.exponential(0.3, images)


def by_scikit_learn(true: Any, predicted: Any, scores: Any, nll: Any) -> list[float]:
    areas = [roc_auc_score(true == index, scores[:, index]) for index in range(10)]
    return [
        accuracy_score(true, predicted),
        f1_score(true, predicted, labels=range(10), average="macro", zero_division=0.0),
        sum(areas) / 10,
        nll.mean(),
    ]


def test_figures_and_limits_equal_those_of_images_drawn_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RESAMPLES", 30)  # neither one chunk nor a whole number of them
    model = answered(300, seed=1, decimals=1)
    result = intervals(*model)
    generator = np.random.default_rng(0)
    drawn = [generator.integers(300, size=300) for _ in range(30)]
    resampled = np.array([by_scikit_learn(*(each[indices] for each in model)) for indices in drawn])
    assert (result["confidence"], result["resamples"]) == (0.95, 30)
    for name, value, column in zip(FIGURES, by_scikit_learn(*model), resampled.T, strict=True):
        assert result[name]["value"] == pytest.approx(value), name
        assert [result[name]["low"], result[name]["high"]] == pytest.approx(np.percentile(column, [2.5, 97.5])), name


def test_ten_thousand_images_give_the_widths_that_theory_gives() -> None:
    model = answered(10_000, seed=2)
    result = intervals(*model)
    accuracy = result["accuracy"]
    half = 1.96 * math.sqrt(accuracy["value"] * (1 - accuracy["value"]) / 10_000)
    assert (accuracy["high"] - accuracy["low"]) / 2 == pytest.approx(half, rel=0.06)
    theirs = bootstrap((model[3],), np.mean, n_resamples=2000, batch=100, method="percentile", rng=np.random.default_rng(3))
    low, high = theirs.confidence_interval
    assert result["loss"]["low"] == pytest.approx(low, abs=5e-4)
    assert result["loss"]["high"] == pytest.approx(high, abs=5e-4)
    # scores a known distance apart: each area is that of two normal distributions, over 1,000 positives and 9,000 negatives
    assert result["macro_roc_auc"]["value"] == pytest.approx(NormalDist().cdf(2 / math.sqrt(2)), abs=0.005)
    for name in FIGURES:
        assert result[name]["low"] < result[name]["value"] < result[name]["high"], name


def test_the_truth_is_inside_in_95_of_100_test_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RESAMPLES", 400)
    truth = {"accuracy": 0.8, "macro_f1": 0.8, "macro_roc_auc": NormalDist().cdf(2 / math.sqrt(2)), "loss": 0.3}
    results = [intervals(*answered(400, seed)) for seed in range(100)]
    for name, value in truth.items():
        covered = sum(result[name]["low"] <= value <= result[name]["high"] for result in results)
        assert 88 <= covered <= 99, (name, covered)  # three standard deviations of 2.2 below 95


def test_the_same_answers_give_the_same_intervals() -> None:
    model = answered(200, seed=4)
    assert intervals(*model) == intervals(*model)


def test_a_resample_is_as_large_as_the_test_set_and_leaves_out_a_share_of_1_in_e() -> None:
    weights = np.concatenate(list(resamples(500)))
    assert weights.shape == (2000, 500)
    assert (weights.sum(axis=1) == 500).all()
    assert (weights == 0).mean() == pytest.approx(1 / math.e, abs=0.005)
    assert weights.mean(axis=0) == pytest.approx(np.ones(500), abs=0.12)
    assert len(np.unique(weights, axis=0)) == 2000


def test_an_interval_lies_between_the_2_5_and_the_97_5_percent_quantile() -> None:
    assert interval(5.0, np.arange(1001.0)) == {"value": 5.0, "low": pytest.approx(25), "high": pytest.approx(975)}


@pytest.mark.parametrize("decimals", [0, 1, 6])
def test_areas_with_ties_and_weights_equal_scikit_learns(decimals: int) -> None:
    generator = np.random.default_rng(decimals)
    positive = generator.random(200) < 0.2
    score = (generator.normal(size=200) + positive).round(decimals).astype(np.float32)
    weights = generator.integers(0, 4, size=(5, 200)).astype(np.float64)
    expected = [roc_auc_score(positive, score, sample_weight=row) for row in weights]
    assert roc_auc(positive, score, weights) == pytest.approx(expected, abs=1e-12)


def test_an_area_worked_out_by_hand() -> None:
    positive = np.array([True, False, True, False])
    score = np.array([0.5, 0.5, 0.9, 0.1], np.float32)
    # of the four pairs one is level; then the level positive twice, so that of 2 + 1 times 2 pairs two are level
    weights = np.array([[1, 1, 1, 1], [2, 1, 1, 1]], np.float64)
    assert roc_auc(positive, score, weights).tolist() == [3.5 / 4, 5 / 6]


def test_without_a_pair_there_is_no_area() -> None:
    positive = np.array([True, False, False])
    areas = roc_auc(positive, np.array([0.9, 0.5, 0.1], np.float32), np.array([[0, 2, 1], [3, 0, 0], [1, 1, 0]], np.float64))
    assert np.isnan(areas).tolist() == [True, True, False]


def test_classes_missing_from_a_resample_leave_no_gap() -> None:
    """With one image of each class a third of them is missing from every resample."""
    classes = np.arange(10)
    result = intervals(classes, classes, np.eye(10, dtype=np.float32), np.full(10, 0.1))
    assert result["accuracy"] == result["macro_roc_auc"] == {"value": 1, "low": 1, "high": 1}
    assert result["macro_f1"]["value"] == 1
    assert 0.3 <= result["macro_f1"]["low"] < result["macro_f1"]["high"] <= 0.9


def test_f1_equals_scikit_learns_with_weights() -> None:
    true, predicted, *_ = answered(150, seed=5)
    weights = np.random.default_rng(6).integers(0, 4, size=(4, 150)).astype(np.float64)
    right, f1 = right_and_f1(true.astype(np.uint8), predicted.astype(np.uint8), weights)
    for index, row in enumerate(weights):
        assert f1[index] == pytest.approx(f1_score(true, predicted, average=None, sample_weight=row))
        assert right[index] == accuracy_score(true, predicted, normalize=False, sample_weight=row)


def test_a_class_neither_shown_nor_named_has_f1_0() -> None:
    _, f1 = right_and_f1(np.array([0, 1]), np.array([0, 1]), np.array([[2.0, 0.0]]))
    assert f1.tolist() == [[1, *[0] * 9]]


def test_what_would_give_wrong_figures_is_refused() -> None:
    true, predicted, scores, nll = answered(20, seed=7)
    with pytest.raises(ValueError, match="20 true labels, but answers for 20, 20, 19 images"):
        intervals(true, predicted, scores, nll[:19])
    with pytest.raises(ValueError, match="no image of Trouser, Dress"):
        intervals(np.where(np.isin(true, [1, 3]), 0, true), predicted, scores, nll)
    with pytest.raises(ValueError, match="isn't finite"):
        intervals(true, predicted, np.where(scores == scores.max(), np.float32(np.nan), scores), nll)
    with pytest.raises(ValueError, match="isn't finite"):
        intervals(true, predicted, scores, np.where(nll == nll.max(), np.inf, nll))
