"""How much accuracy a classifier keeps when its test images are damaged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from training.evidence.corruptions import CORRUPTIONS, Corruption, corrupt

Predict = Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.int64]]
"""From uint8 `[n, 28, 28, 1]` images to their predicted labels, int64 `[n]`."""


def robustness(predict: Predict, images: npt.NDArray[np.uint8], labels: npt.NDArray[np.uint8]) -> dict[str, Any]:
    """Accuracy on `images`, uint8 `[n, 28, 28, 1]`, with `labels`, uint8 `[n]`, clean and under each corruption at each severity.

    Returns:
        `clean` is the accuracy, a share, on the images as they are; `corruptions` has by name the `unit` and the
        `severities`, each with its number 1 to 5, its `parameter` in that unit and the `accuracy`;
        `mean_accuracy` is the mean over all corruptions and severities, as Hendrycks & Dietterich (arXiv 1903.12261) average
        a model's errors, but not divided by another model's.
    """

    def accuracy(shown: npt.NDArray[np.uint8]) -> float:
        return float((predict(shown) == labels).mean())

    def severities(corruption: Corruption) -> list[dict[str, float]]:
        return [
            {"severity": severity, "parameter": parameter, "accuracy": accuracy(corrupt(images, corruption, parameter))}
            for severity, parameter in enumerate(corruption.parameters, start=1)
        ]

    measured = {name: severities(corruption) for name, corruption in CORRUPTIONS.items()}
    return {
        "clean": accuracy(images),
        "corruptions": {name: {"unit": CORRUPTIONS[name].unit, "severities": rows} for name, rows in measured.items()},
        "mean_accuracy": float(np.mean([row["accuracy"] for rows in measured.values() for row in rows])),
    }
