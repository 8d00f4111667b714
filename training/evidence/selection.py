"""What a model gains by declining: its error rate on the images it is most sure of, against how many those are."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

CURVE_POINTS = 100
"""The stored curve is read at 1 %, 2 % … 100 % of the images; of none, an error rate is undefined."""
ERROR_RATES = (0.01, 0.02, 0.05)
"""A user of the model may want no more mistakes than these."""


def risk_coverage(confidence: npt.NDArray[np.floating], correct: npt.NDArray[np.bool_]) -> dict[str, Any]:
    """Selective classification: answer only the images whose confidence reaches a threshold, and lower the threshold.

    - `coverage`, ascending, and `risk`: the share answered, and the error rate among those (Geifman and El-Yaniv 2017,
      "Selective Classification for Deep Neural Networks", https://arxiv.org/abs/1705.08500). Fewer than 100 images have
      one point each.
    - `area`: AURC, the mean of the risk over every number of images answered, 1 to n (Geifman et al. 2019,
      https://arxiv.org/abs/1805.08206). Confidences that say nothing make it the error rate.
    - `largest_coverage`: for each `error_rate` of 1 %, 2 % and 5 % the largest `coverage` of a threshold whose risk is at most
      that; 0.0 where none is.

    No threshold parts equal confidences. `largest_coverage` takes such images together or not at all; `risk` and `area` count
    part of them with their mean error rate, which a random order of them has on average. So the images' order changes nothing.

    Args:
        confidence: floats `[n]`, n at least 1, in any unit that grows with it.
        correct: bool `[n]`, whether the answer is right.
    """
    images = len(confidence)
    levels, level_of, at_level = np.unique(-confidence, return_inverse=True, return_counts=True)
    # of the threshold at each level: how many images it answers, and how many of those wrongly
    answered = at_level.cumsum()
    wrong = np.bincount(level_of[~correct], minlength=len(levels)).cumsum()
    counts = np.arange(1, images + 1)
    risk = np.interp(counts, np.append(0, answered), np.append(0, wrong)) / counts
    # rounded up, so that the first point is an image at least; multiplied first, so that 29 % of 10,000 are 2,900
    read = np.unique(np.ceil(images * np.arange(1, CURVE_POINTS + 1) / CURVE_POINTS).astype(np.int64))
    return {
        "coverage": (read / images).tolist(),
        "risk": risk[read - 1].tolist(),
        "area": float(risk.mean()),
        "largest_coverage": [
            {"error_rate": rate, "coverage": float(answered[wrong / answered <= rate].max(initial=0) / images)} for rate in ERROR_RATES
        ],
    }
