"""How far a figure of the test set may be from the model's own: percentile-bootstrap intervals over the images."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from training.data import LABELS

CONFIDENCE = 0.95
RESAMPLES = 2_000
SEED = 0
CHUNK = 25
"""Resamples held in memory at once: 2 MB of weights for 10,000 images, which a core's cache holds."""


def intervals(
    true: npt.NDArray[np.int64], predicted: npt.NDArray[np.int64], probabilities: npt.NDArray[np.float32], nll: npt.NDArray[np.float64]
) -> dict[str, Any]:
    """The test figures with their intervals: `accuracy`, `macro_f1`, `macro_roc_auc` and `loss`, each `value`, `low`, `high`.

    `confidence` and `resamples` stand beside them. All figures are read off the same resampled test sets. An interval covers the
    choice of test images; how much another training run would differ is not in it. In a resample that lacks a class, the class's
    F1 is 0, as scikit-learn has it with `zero_division=0`, and its area is left out of the mean.

    Args:
        true: int64 `[n]`, 0-9, every class at least once.
        predicted: int64 `[n]`, 0-9.
        probabilities: float32 `[n, 10]`; by its column a class is told from the nine others.
        nll: float64 `[n]`, the negative logarithm of the true class's probability in nats.

    Raises:
        ValueError: The arrays differ in length, a class has no image, or a probability or a loss isn't finite.
    """
    check(true, predicted, probabilities, nll)

    def figures(weights: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        right, f1 = right_and_f1(true, predicted, weights)
        areas = [roc_auc(true == index, probabilities[:, index], weights) for index in range(len(LABELS))]
        return np.stack([right / len(true), f1.mean(axis=1), np.nanmean(areas, axis=0), (weights * nll).mean(axis=1)])

    values = figures(np.ones((1, len(true))))
    resampled = np.concatenate([figures(weights) for weights in resamples(len(true))], axis=1)
    names = ("accuracy", "macro_f1", "macro_roc_auc", "loss")
    measured = {name: interval(value, row) for name, (value,), row in zip(names, values, resampled, strict=True)}
    return {"confidence": CONFIDENCE, "resamples": RESAMPLES, **measured}


# scipy.stats.bootstrap would draw anew for each figure and hand over resampled images, whose scores each of 20,000 areas would have
# to sort. As weights of the images, one set of resamples serves every figure, counting is adding, and one order serves all.
def resamples(images: int) -> Iterator[npt.NDArray[np.float64]]:
    """How often each image is in each of `RESAMPLES` draws of `images` images with replacement, the same at every call.

    Yields float64 `[at most CHUNK, images]` of whole numbers; every row's sum is `images`.
    """
    generator = np.random.default_rng(SEED)
    for start in range(0, RESAMPLES, CHUNK):
        rows = min(CHUNK, RESAMPLES - start)
        drawn = generator.integers(images, size=(rows, images)) + images * np.arange(rows)[:, None]
        yield np.bincount(drawn.ravel(), minlength=rows * images).reshape(rows, images).astype(np.float64)


def interval(value: float, resampled: npt.NDArray[np.float64]) -> dict[str, float]:
    """`value` with the 2.5 % and the 97.5 % quantile of its resamples (Efron and Tibshirani 1993, chapter 13)."""
    low, high = np.quantile(resampled, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return {"value": float(value), "low": float(low), "high": float(high)}


def right_and_f1(
    true: npt.NDArray[np.integer[Any]], predicted: npt.NDArray[np.integer[Any]], weights: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The weight of the images labelled right, float64 `[resamples]`, and each class's F1, float64 `[resamples, 10]`.

    Args:
        true: `[n]`, 0-9.
        predicted: `[n]`, 0-9.
        weights: float64 `[resamples, n]`, how often each image counts.
    """
    right = true == predicted
    # the confusion matrix's diagonal and margins are all that F1 needs
    found = _by_class(true[right], weights[:, right])
    margins = _by_class(true, weights) + _by_class(predicted, weights)
    return found.sum(axis=1), np.divide(2 * found, margins, out=np.zeros_like(found), where=margins > 0)


def roc_auc(positive: npt.NDArray[np.bool_], score: npt.NDArray[np.float32], weights: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The area under the ROC curve, float64 `[resamples]`; NaN where the positives or the negatives weigh nothing.

    It is the Mann-Whitney statistic over its maximum: the share of pairs of a positive and a negative that the score puts in order,
    a tie as half a pair (Hanley and McNeil 1982, https://doi.org/10.1148/radiology.143.1.7063747). A pair counts as often as the
    product of its images' weights.

    Args:
        positive: bool `[n]`.
        score: float32 `[n]`, higher for what is more likely positive.
        weights: float64 `[resamples, n]`, how often each image counts.
    """
    negatives, positives = np.flatnonzero(~positive), np.flatnonzero(positive)
    negatives = negatives[np.argsort(score[negatives])]
    below = np.zeros((len(weights), len(negatives) + 1))
    np.cumsum(weights[:, negatives], axis=1, out=below[:, 1:])
    lower, not_higher = (np.searchsorted(score[negatives], score[positives], side=side) for side in ("left", "right"))
    ordered = (weights[:, positives] * (below[:, lower] + below[:, not_higher])).sum(axis=1) / 2
    pairs = weights[:, positives].sum(axis=1) * below[:, -1]
    area: npt.NDArray[np.float64] = np.divide(ordered, pairs, out=np.full_like(pairs, np.nan), where=pairs > 0)
    return area


def check(true: npt.NDArray[np.integer[Any]], *answers: npt.NDArray[Any]) -> None:
    """Refuse what would give wrong figures or none.

    Raises:
        ValueError: The arrays differ in length, `true` lacks a class, or an answer isn't finite.
    """
    if {len(each) for each in answers} != {len(true)}:
        raise ValueError(f"{len(true)} true labels, but answers for {', '.join(str(len(each)) for each in answers)} images")
    if missing := set(range(len(LABELS))) - set(true.tolist()):
        raise ValueError(f"no image of {', '.join(LABELS[index] for index in sorted(missing))}")
    if not all(np.isfinite(each).all() for each in answers):
        raise ValueError("a probability or a loss isn't finite")


def _by_class(classes: npt.NDArray[np.integer[Any]], weights: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    # no matrix product: BLAS would wait for its threads, ten times as long where other work holds the cores
    return np.stack([weights[:, classes == index].sum(axis=1) for index in range(len(LABELS))], axis=1)
