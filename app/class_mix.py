"""Whether the labels that a model answers are mixed as they were on the test set.

The measure is the Jensen-Shannon divergence: Lin 1991, Divergence Measures Based on the Shannon Entropy, IEEE Transactions on
Information Theory 37(1), with equal weights and logarithms to base 2: 0 for the same mix, 1 for two that share no label.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from app.model import Model
from app.schemas.models import ClassMix, ClassShares

ENOUGH = 500
"""Images from which a divergence means something: by chance alone ten classes then have 0.003, and more than 0.01 once in a thousand;
a class that doubles its share has 0.014. `tests/app/test_class_mix.py` draws them."""

Shares = npt.NDArray[np.float64]


def divergence(one: Shares, other: Shares) -> float:
    """The Jensen-Shannon divergence of two distributions `(classes,)`, in bits, 0 to 1."""
    middle = (one + other) / 2
    bits = sum(float(np.sum(each[each > 0] * np.log2(each[each > 0] / middle[each > 0]))) for each in (one, other)) / 2
    return max(bits, 0.0)  # rounding may leave less


def by_chance(images: int, tested: int, classes: int) -> float:
    """The divergence, in bits, to expect of `images` live and `tested` test images that were drawn from one and the same mix.

    Near a mix m the divergence of p and q is Σ(p - q)² / 8m nats, to second order. A share drawn n times varies by m(1 - m) / n, so
    that the mean of the sum is Σ(1 - m) / 8, (classes - 1) / 8, times 1 / images + 1 / tested.
    """
    return (classes - 1) / (8 * math.log(2)) * (1 / images + 1 / tested)


def tested_counts(model: Model) -> npt.NDArray[np.int64]:
    """How many test images got each label, `(classes,)`: the columns of the confusion matrix."""
    answered: npt.NDArray[np.int64] = np.array(model.report.test.confusion_matrix).sum(axis=0)
    return answered


def class_mix(model: Model, answers: Mapping[str, int]) -> ClassMix:
    """The mix of `answers`, how often the model gave each label, beside that of the test set."""
    counts, tested = np.array([answers.get(label, 0) for label in model.labels]), tested_counts(model)
    images, test_images = int(counts.sum()), int(tested.sum())
    live, test = counts / max(images, 1), tested / test_images
    return ClassMix(
        images=images,
        divergence=round(divergence(live, test), 6) if images >= ENOUGH else None,
        by_chance=round(by_chance(images, test_images, len(counts)), 6) if images >= ENOUGH else None,
        labels={
            label: ClassShares(live=round(now, 6) if images else None, test=round(then, 6))
            for label, now, then in zip(model.labels, live.tolist(), test.tolist(), strict=True)
        },
    )
