"""Paired comparison: p-values by another library and by hand, differences that images drawn one by one give, and no difference invented."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, f1_score

from training.data import LABELS
from training.evidence import intervals
from training.evidence.answers import Answers
from training.evidence.significance import mcnemar_exact, paired


def answers(true: npt.ArrayLike, predicted: npt.ArrayLike, nll: npt.ArrayLike | None = None) -> Answers:
    classes = np.asarray(true, np.uint8)
    losses = np.full(len(classes), 0.5) if nll is None else np.asarray(nll)
    return Answers(classes, np.asarray(predicted, np.uint8), np.full(len(classes), 0.9, np.float32), losses.astype(np.float32))


def two_models(images: int, seed: int, one_right: float = 0.9, other_right: float = 0.8) -> tuple[Answers, Answers]:
    generator = np.random.default_rng(seed)
    true = np.arange(images) % 10
    wrong = (true + generator.integers(1, 10, images)) % 10
    one, other = (np.where(generator.random(images) < share, true, wrong) for share in (one_right, other_right))
    return answers(true, one, generator.exponential(0.3, images)), answers(true, other, generator.exponential(0.5, images))


def by_hand(both: int, one_alone: int, other_alone: int, neither: int) -> dict[str, Any]:
    counts = [both, one_alone, other_alone, neither]
    return mcnemar_exact(np.repeat([True, True, False, False], counts), np.repeat([True, False, True, False], counts))


def test_the_four_counts_and_a_p_value_worked_out_by_hand() -> None:
    # one of six tosses or fewer, on either side: 2 (1 + 6) / 64
    expected = {"both_right": 7, "one_alone_right": 5, "other_alone_right": 1, "both_wrong": 3, "p_value": pytest.approx(14 / 64)}
    assert by_hand(7, 5, 1, 3) == expected


@pytest.mark.parametrize(("one_alone", "other_alone"), [(285, 792), (40, 40), (0, 3), (12, 30), (1, 0)])
def test_p_values_equal_scipys_binomial_test(one_alone: int, other_alone: int) -> None:
    expected = binomtest(one_alone, one_alone + other_alone).pvalue
    assert by_hand(100, one_alone, other_alone, 50)["p_value"] == pytest.approx(expected, rel=1e-9)


def test_a_p_value_is_1_without_disagreement_and_0_below_every_float() -> None:
    assert by_hand(10, 0, 0, 5)["p_value"] == 1
    assert by_hand(0, 10_000, 0, 0)["p_value"] == 0


def test_differences_equal_those_of_images_drawn_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intervals, "RESAMPLES", 60)
    one, other = two_models(300, seed=1)
    result = paired(one, other)

    def figures(side: Answers, indices: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        true, predicted = side.true[indices], side.predicted[indices]
        f1 = f1_score(true, predicted, labels=range(10), average=None, zero_division=0.0)
        return np.array([accuracy_score(true, predicted), f1.mean(), side.nll[indices].astype(np.float64).mean(), *f1])

    generator = np.random.default_rng(0)
    drawn = [generator.integers(300, size=300) for _ in range(60)]
    resampled = np.array([figures(one, indices) - figures(other, indices) for indices in drawn])
    values = figures(one, np.arange(300)) - figures(other, np.arange(300))
    found = [*result["differences"].values(), *(row["f1_difference"] for row in result["per_class"].values())]
    assert list(result["differences"]) == ["accuracy", "macro_f1", "loss"]
    for difference, value, column in zip(found, values, resampled.T, strict=True):
        assert difference["value"] == pytest.approx(value)
        assert [difference["low"], difference["high"]] == pytest.approx(np.percentile(column, [2.5, 97.5]))


def test_ten_thousand_images_give_the_width_that_theory_gives() -> None:
    one, other = two_models(10_000, seed=2)
    result = paired(one, other)
    test, difference = result["mcnemar"], result["differences"]["accuracy"]
    gained, lost = test["one_alone_right"], test["other_alone_right"]
    assert difference["value"] == pytest.approx((gained - lost) / 10_000)
    # the standard error of a paired difference of shares
    half = 1.96 * math.sqrt(gained + lost - (gained - lost) ** 2 / 10_000) / 10_000
    assert (difference["high"] - difference["low"]) / 2 == pytest.approx(half, rel=0.06)
    assert (result["confidence"], result["resamples"]) == (0.95, 2000)


def test_one_better_class_is_found_and_no_other() -> None:
    """In Dress one alone gets 30 of 100 right, in Coat 5 against 1, in Bag 6 against 0; Bag's 1/32 doesn't survive ten tests."""
    true = np.repeat(np.arange(10), 100)
    one, other = true.copy(), true.copy()
    other[300:330] = 9
    other[400:405] = 2
    one[405] = 2
    other[800:806] = 9
    result = paired(answers(true, one), answers(true, other))["per_class"]
    assert list(result) == list(LABELS)
    expected = {"Dress": (0.3, 2 / 2**30, 20 / 2**30), "Bag": (0.06, 2 / 64, 9 * 2 / 64), "Coat": (0.04, 14 / 64, 1)}
    for label, row in result.items():
        recall, p_value, adjusted = expected.get(label, (0, 1, 1))
        assert row["recall_difference"] == pytest.approx(recall), label
        assert row["p_value"] == pytest.approx(p_value), label
        assert row["holm_p_value"] == pytest.approx(adjusted), label
        assert row["significant"] is (label == "Dress"), label
    # of Ankle boot's 100 images none is missed; the other model names 36 more so
    assert result["Ankle boot"]["f1_difference"]["value"] == pytest.approx(1 - 200 / 236)


def test_a_model_does_not_differ_from_itself() -> None:
    one, _ = two_models(500, seed=3)
    result = paired(one, one)
    nothing = {"value": 0, "low": 0, "high": 0}
    assert list(result["differences"].values()) == [nothing] * 3
    assert result["mcnemar"]["p_value"] == 1
    for row in result["per_class"].values():
        assert row == {"recall_difference": 0, "p_value": 1, "holm_p_value": 1, "significant": False, "f1_difference": nothing}


def test_the_other_way_round_every_difference_changes_its_sign() -> None:
    one, other = two_models(500, seed=4)
    forth, back = paired(one, other), paired(other, one)
    assert forth["mcnemar"]["p_value"] == back["mcnemar"]["p_value"]
    assert forth["mcnemar"]["one_alone_right"] == back["mcnemar"]["other_alone_right"]
    for name, difference in forth["differences"].items():
        mirrored = back["differences"][name]
        assert difference["value"] == -mirrored["value"]
        assert [difference["low"], difference["high"]] == pytest.approx([-mirrored["high"], -mirrored["low"]])
    for label, row in forth["per_class"].items():
        assert row["recall_difference"] == -back["per_class"][label]["recall_difference"]


def test_equal_models_are_called_different_in_about_1_of_20_comparisons(monkeypatch: pytest.MonkeyPatch) -> None:
    """The exact test keeps its level, also over the ten classes together, and the difference's interval leaves 0 out about as often."""
    monkeypatch.setattr(intervals, "RESAMPLES", 400)
    monkeypatch.setattr("gc.collect", lambda: 0)  # statsmodels' multipletests collects garbage at each call
    results = [paired(*two_models(400, seed, 0.85, 0.85)) for seed in range(100)]
    assert sum(result["mcnemar"]["p_value"] < 0.05 for result in results) <= 11
    outside = sum(not row["low"] <= 0 <= row["high"] for row in (result["differences"]["accuracy"] for result in results))
    assert 0 < outside <= 12
    assert sum(any(row["significant"] for row in result["per_class"].values()) for result in results) <= 11


def test_the_result_is_plain_and_the_same_each_time() -> None:
    one, other = two_models(300, seed=5)
    result = paired(one, other)
    assert json.loads(json.dumps(result, allow_nan=False)) == result == paired(one, other)


def test_answers_that_cannot_be_compared_are_refused() -> None:
    one, other = two_models(20, seed=6)
    with pytest.raises(ValueError, match="different images"):
        paired(one, answers(other.true[::-1], other.predicted))
    with pytest.raises(ValueError, match="different images"):
        paired(one, answers(other.true[:10], other.predicted[:10]))
    with pytest.raises(ValueError, match="20 true labels, but answers for 20, 19, 20, 20 images"):
        paired(one, answers(other.true, other.predicted[:19]))
    with pytest.raises(ValueError, match="isn't finite"):
        paired(one, answers(other.true, other.predicted, np.full(20, np.nan)))
