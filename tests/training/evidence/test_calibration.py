"""Calibration: a temperature known beforehand is found, and the figures equal those worked out by hand and scikit-learn's."""

from __future__ import annotations

import json
import math

import numpy as np
import numpy.typing as npt
import pytest
from scipy.special import softmax
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, log_loss

from training.evidence.calibration import before_and_after, calibration, temperature

Logits = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]


def confident(levels: npt.ArrayLike) -> Logits:
    """Logits that give class 0 each of these probabilities and the other nine classes what is left, evenly."""
    level = np.asarray(levels, np.float64)
    logits = np.zeros((len(level), 10), np.float32)
    logits[:, 0] = np.log(9 * level / (1 - level))
    return logits


def labelled(correct: npt.ArrayLike) -> Labels:
    """0, which `confident` predicts, where the prediction is to be correct, and 3 elsewhere."""
    return np.where(correct, 0, 3)


def drawn(images: int, distorted: float) -> tuple[Logits, Labels]:
    """Labels drawn from softmax(logits), and the logits times `distorted`, which is then their temperature."""
    generator = np.random.default_rng(7)
    logits = generator.normal(0, 2, (images, 10))
    cumulated = softmax(logits, axis=1).cumsum(axis=1)
    labels = (generator.random((images, 1)) > cumulated[:, :9]).sum(axis=1)
    return (distorted * logits).astype(np.float32), labels


@pytest.mark.parametrize("known", [0.4, 1.0, 2.5])
def test_a_known_temperature_is_found(known: float) -> None:
    found = temperature(*drawn(20_000, known))
    assert found == pytest.approx(known, rel=0.02)


def test_the_temperature_makes_confidence_equal_accuracy_where_all_are_equally_confident() -> None:
    """With logits a, 0 … 0 the likelihood is greatest where softmax gives the accuracy p: a / T = log(9p / (1 - p))."""
    logits = np.zeros((10, 10), np.float32)
    logits[:, 0] = 6
    labels = labelled([True] * 7 + [False] * 3)
    found = temperature(logits, labels)
    assert found == pytest.approx(6 / math.log(9 * 0.7 / 0.3), rel=1e-6)
    after = before_and_after(logits, found, labels)["after"]
    assert after["nll"] == pytest.approx(-(0.7 * math.log(0.7) + 0.3 * math.log(0.3 / 9)))
    assert after["bins"][0]["confidence"] == pytest.approx(0.7, abs=1e-6)


def test_a_network_without_a_mistake_or_without_merit_has_the_ends_of_the_search() -> None:
    logits = confident([0.2] * 4)
    assert temperature(logits, labelled([True] * 4)) == pytest.approx(0.05, rel=1e-3)
    assert temperature(logits, labelled([False] * 4)) == pytest.approx(20, rel=1e-3)


def test_figures_are_those_worked_out_by_hand() -> None:
    logits = np.zeros((2, 10), np.float32)
    logits[0, 4] = logits[1, 4] = math.log(11)  # 11/20 for class 4, 1/20 for each other
    found = calibration(logits, np.array([4, 5]))
    assert found["nll"] == pytest.approx((math.log(20 / 11) + math.log(20)) / 2)
    right, wrong = 9**2 + 9 * 1**2, 11**2 + 19**2 + 8 * 1**2  # in 400ths
    assert found["brier"] == pytest.approx((right + wrong) / 2 / 400)
    assert found["ece"] == pytest.approx((9 / 20 + 11 / 20) / 2)  # two images, each a bin
    assert found["bins"] == [
        {"confidence": pytest.approx(11 / 20), "accuracy": 1.0, "images": 1},
        {"confidence": pytest.approx(11 / 20), "accuracy": 0.0, "images": 1},
    ]


def test_bins_hold_equally_many_images_in_order_of_confidence() -> None:
    """Fifteen levels of two images each, one of them right: the error is the mean of |0.5 - level|."""
    levels = np.repeat(0.2 + 0.05 * np.arange(15), 2)
    correct = np.tile([True, False], 15)
    shuffled = np.random.default_rng(3).permutation(30)
    found = calibration(confident(levels[shuffled]), labelled(correct[shuffled]))
    assert [each["images"] for each in found["bins"]] == [2] * 15
    assert [each["confidence"] for each in found["bins"]] == pytest.approx(list(levels[::2]), abs=1e-6)
    assert [each["accuracy"] for each in found["bins"]] == [0.5] * 15
    # 0.3, 0.25 … 0 … 0.4 in 20ths: 6 + 5 + … + 1 and 1 + 2 + … + 8
    assert found["ece"] == pytest.approx((21 + 36) / 20 / 15, abs=1e-6)


def test_bins_of_perfect_confidence_have_no_error() -> None:
    """Fifteen levels k/20, each of 20 images of which k are right; of another confidence they have an error."""
    rights = np.arange(4, 19)
    logits = confident(np.repeat(rights / 20, 20))
    correct = (np.arange(20) < rights[:, None]).ravel()
    assert calibration(logits, labelled(correct))["ece"] == pytest.approx(0, abs=1e-6)
    assert calibration(2 * logits, labelled(correct))["ece"] > 0.1


def test_a_larger_bin_counts_for_more() -> None:
    """Sixteen images: the first bin holds two, of confidence 0.2 and both wrong; the others are right and nearly sure."""
    found = calibration(confident([0.2] * 2 + [0.99] * 14), labelled([False] * 2 + [True] * 14))
    assert [each["images"] for each in found["bins"]] == [2] + [1] * 14
    assert found["ece"] == pytest.approx((2 * 0.2 + 14 * 0.01) / 16, abs=1e-6)


def test_images_of_equal_confidence_fill_bins_in_their_order() -> None:
    """31 images, which 15 does not divide, are sure by turns and half sure; the first ones are wrong."""
    logits = np.zeros((31, 10), np.float32)
    logits[:, 0] = np.where(np.arange(31) % 2, 1000, math.log(9))  # 15 of confidence 1, 16 of 1/2
    found = calibration(logits, labelled([False] * 8 + [True] * 23))
    assert [each["images"] for each in found["bins"]] == [3] + [2] * 14
    assert [each["confidence"] for each in found["bins"]] == pytest.approx([0.5] * 7 + [0.75] + [1] * 7)
    # the first four of either are wrong: all images of the bins 1 and 9, one of each in 2, 8 and 10
    assert [each["accuracy"] for each in found["bins"]] == [0, 0.5, 1, 1, 1, 1, 1, 0.5, 0, 0.5, 1, 1, 1, 1, 1]
    assert found["ece"] == pytest.approx((3 * 0.5 + 2 * (5 * 0.5 + 0.25 + 1 + 0.5)) / 31)


def test_images_of_the_highest_confidence_are_well_defined() -> None:
    logits = np.zeros((100, 10), np.float32)
    logits[:, 0] = 1000
    found = calibration(logits, labelled(np.arange(100) >= 7))
    assert [each["images"] for each in found["bins"]] == [7] * 10 + [6] * 5
    assert [(each["confidence"], each["accuracy"]) for each in found["bins"]] == [(1, 0)] + [(1, 1)] * 14
    assert found["ece"] == pytest.approx(0.07)
    assert found["nll"] == pytest.approx(1000 * 0.07)


def test_figures_equal_scikit_learns() -> None:
    logits, labels = drawn(1500, 2.0)
    probabilities = softmax(logits.astype(np.float64), axis=1)
    found = calibration(logits, labels)
    assert found["nll"] == pytest.approx(log_loss(labels, probabilities, labels=range(10)))
    assert found["brier"] == pytest.approx(brier_score_loss(labels, probabilities, labels=range(10), scale_by_half=False))
    correct = probabilities.argmax(axis=1) == labels
    accuracy, confidence = calibration_curve(correct, probabilities.max(axis=1), n_bins=15, strategy="quantile")
    assert [each["accuracy"] for each in found["bins"]] == pytest.approx(list(accuracy))
    assert [each["confidence"] for each in found["bins"]] == pytest.approx(list(confidence))
    assert found["ece"] == pytest.approx(np.abs(accuracy - confidence).mean())
    assert found["ece"] > 0.1


def test_before_is_as_it_is_and_after_is_calibrated() -> None:
    logits, labels = drawn(4500, 2.5)
    found = before_and_after(logits, 2.5, labels.astype(np.uint8))
    assert found["temperature"] == 2.5
    assert found["before"] == calibration(logits, labels)
    honest = softmax(logits.astype(np.float64) / 2.5, axis=1)
    assert found["after"]["nll"] == pytest.approx(log_loss(labels, honest, labels=range(10)))
    for figure in ("nll", "brier", "ece"):
        assert found["after"][figure] < found["before"][figure]
    # 300 images a bin have a standard error of 0.03 at most
    assert found["after"]["ece"] < 0.03
    assert found["before"]["ece"] > 0.15


def test_the_figures_are_json() -> None:
    found = before_and_after(*(drawn(40, 2.0)[0], 1.5, drawn(40, 2.0)[1]))
    assert json.loads(json.dumps(found, allow_nan=False)) == found
