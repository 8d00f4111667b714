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


def by_chance(images: int, classes: int) -> float:
    """The divergence, in bits, to expect of `images` images that are drawn from the very mix they are compared with.

    To second order in p - q the divergence of p from q is Σ(p - q)² / 8q nats, and where p is drawn from q, Σ(p - q)² / q is chi-square
    over `images`, (classes - 1) / images in the mean.
    """
    return (classes - 1) / (8 * images * math.log(2))


def tested_shares(model: Model) -> Shares:
    """The share of the test images that got each label, `(classes,)`: the columns of the confusion matrix."""
    answered = np.sum(model.report.test.confusion_matrix, axis=0)
    return np.asarray(answered / answered.sum(), dtype=np.float64)


def class_mix(model: Model, answers: Mapping[str, int]) -> ClassMix:
    """The mix of `answers`, how often the model gave each label, beside that of the test set."""
    counts = np.array([answers.get(label, 0) for label in model.labels], np.float64)
    images = int(counts.sum())
    live, tested = (counts / images if images else counts), tested_shares(model)
    return ClassMix(
        images=images,
        divergence=round(divergence(live, tested), 6) if images >= ENOUGH else None,
        by_chance=round(by_chance(images, len(counts)), 6) if images >= ENOUGH else None,
        labels={
            label: ClassShares(live=round(now, 6) if images else None, test=round(then, 6))
            for label, now, then in zip(model.labels, live.tolist(), tested.tolist(), strict=True)
        },
    )
