"""Orders of merit: how well a class's score puts its images before all others, and which classes are confused most often."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import average_precision_score, precision_recall_curve

from training.data import LABELS

PAIRS = 10
"""The confusions listed: of the 90 there can be, those that make up most mistakes."""


def precision_recall(positive: npt.NDArray[np.bool_], score: npt.NDArray[np.float32], points: int = 101) -> dict[str, Any]:
    """One class's precision against its recall, `recall` ascending, and the `average_precision` of every threshold.

    Each stored point is one that a threshold reaches: for each of `points` evenly spaced recalls the first threshold, from
    the highest down, that reaches it, with its own recall. Thresholds that answer several of these are stored once, so there
    may be fewer points. Draw it with matplotlib's `steps-pre`: straight lines would promise precisions between two
    points that no threshold has (Davis and Goadrich 2006, https://doi.org/10.1145/1143844.1143874).

    Args:
        positive: bool `[n]`, whether the image is of the class; True for one at least.
        score: float32 `[n]`, the probability of the class.
        points: How many recalls from 0 to 1 the curve is read at, at least 2.
    """
    precision, recall, _ = precision_recall_curve(positive, score)
    # scikit-learn begins with the lowest threshold and ends with the point (0, 1), which no threshold reaches
    precision, recall = precision[-2::-1], recall[-2::-1]
    # divided, not linspace: 0.29 must equal 290/1000
    first = np.unique(np.searchsorted(recall, np.arange(points) / (points - 1)))
    return {
        "recall": recall[first].tolist(),
        "precision": precision[first].tolist(),
        "average_precision": float(average_precision_score(positive, score)),
    }


def confused_pairs(confusion_matrix: list[list[int]]) -> list[dict[str, Any]]:
    """The ten most frequent confusions: `true`, `predicted`, `images`, and these as a `share` of the true class's, 0 to 1.

    Equally frequent ones stand in the matrix's order; pairs never confused are left out, so there may be fewer.

    Args:
        confusion_matrix: Images, `[10][10]`: a row for each true class, a column for each predicted one.
    """
    confused = [
        (images, row, column)
        for row, counts in enumerate(confusion_matrix)
        for column, images in enumerate(counts)
        if row != column and images
    ]
    confused.sort(key=lambda pair: pair[0], reverse=True)
    return [
        {"true": LABELS[row], "predicted": LABELS[column], "images": images, "share": images / sum(confusion_matrix[row])}
        for images, row, column in confused[:PAIRS]
    ]
