"""Whether one model is better than another on the same images, or only luckier with them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from training.data import LABELS
from training.evidence.answers import Answers
from training.evidence.intervals import CONFIDENCE, RESAMPLES, check, interval, resamples, right_and_f1

ALPHA = 0.05
"""The chance, over the ten classes together, of calling a difference significant where there is none."""


def paired(one: Answers, other: Answers) -> dict[str, Any]:
    """Test and measure `one` against `other`; every difference is `one`'s figure minus `other`'s.

    Returns:
        `mcnemar`: `mcnemar_exact` over all images. `differences`: of `accuracy`, `macro_f1` and `loss` (nats), each `value`, `low`,
        `high`, from the same resampled images for both models. `confidence` and `resamples` of these intervals. `per_class`, by label:
        the `recall_difference`, `mcnemar_exact`'s `p_value` over the class's images, its `holm_p_value` (Holm 1979,
        https://www.jstor.org/stable/4615733, over the ten classes), whether this is `significant` at 0.05, and the
        `f1_difference` with its interval.

    Raises:
        ValueError: The answers are to different images, a class has no image, or a loss isn't finite.
    """
    if not np.array_equal(one.true, other.true):
        raise ValueError("the two models answered different images")
    check(one.true, one.predicted, other.predicted, one.nll, other.nll)
    one_right, other_right = one.predicted == one.true, other.predicted == other.true
    accuracy, macro_f1, loss, *f1 = _differences(one, other)
    return {
        "mcnemar": mcnemar_exact(one_right, other_right),
        "confidence": CONFIDENCE,
        "resamples": RESAMPLES,
        "differences": {"accuracy": accuracy, "macro_f1": macro_f1, "loss": loss},
        "per_class": _per_class(one.true, one_right, other_right, f1),
    }


def mcnemar_exact(one_right: npt.NDArray[np.bool_], other_right: npt.NDArray[np.bool_]) -> dict[str, Any]:
    """McNemar's exact test of two models on the same images, bool `[n]`: whether each was right about each.

    Returns:
        The images `both_right`, `one_alone_right`, `other_alone_right` and `both_wrong`, and the two-sided `p_value`: how likely so
        uneven a split of the images that one alone got right would be if each were a fair coin's toss (McNemar 1947,
        https://doi.org/10.1007/BF02295996). It is 1 where there is no such image, and 0 where float64 has no number so small.
    """
    both, one_alone, other_alone, neither = (
        int(images.sum())
        for images in (one_right & other_right, one_right & ~other_right, ~one_right & other_right, ~one_right & ~other_right)
    )
    test = mcnemar([[both, one_alone], [other_alone, neither]], exact=True)
    return {
        "both_right": both,
        "one_alone_right": one_alone,
        "other_alone_right": other_alone,
        "both_wrong": neither,
        "p_value": float(test.pvalue),
    }


def _differences(one: Answers, other: Answers) -> list[dict[str, float]]:
    """The differences in accuracy, macro F1, loss and each class's F1 with their intervals."""
    images = len(one.true)
    nll = one.nll.astype(np.float64) - other.nll

    def figures(weights: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        one_right, one_f1 = right_and_f1(one.true, one.predicted, weights)
        other_right, other_f1 = right_and_f1(other.true, other.predicted, weights)
        f1 = one_f1 - other_f1
        return np.vstack([(one_right - other_right) / images, f1.mean(axis=1), (weights * nll).mean(axis=1), f1.T])

    values = figures(np.ones((1, images)))
    resampled = np.concatenate([figures(weights) for weights in resamples(images)], axis=1)
    return [interval(value, row) for (value,), row in zip(values, resampled, strict=True)]


def _per_class(
    true: npt.NDArray[np.uint8], one_right: npt.NDArray[np.bool_], other_right: npt.NDArray[np.bool_], f1: list[dict[str, float]]
) -> dict[str, dict[str, Any]]:
    members = [true == index for index in range(len(LABELS))]
    tests = [mcnemar_exact(one_right[of_class], other_right[of_class]) for of_class in members]
    rejected, adjusted, *_ = multipletests([test["p_value"] for test in tests], ALPHA, method="holm")
    return {
        label: {
            "recall_difference": (tests[index]["one_alone_right"] - tests[index]["other_alone_right"]) / int(members[index].sum()),
            "p_value": tests[index]["p_value"],
            "holm_p_value": float(adjusted[index]),
            "significant": bool(rejected[index]),
            "f1_difference": f1[index],
        }
        for index, label in enumerate(LABELS)
    }
