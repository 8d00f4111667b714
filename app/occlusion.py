"""Which parts of an image an answer rests on: occlusion sensitivity.

Source: Zeiler and Fergus 2014, Visualizing and Understanding Convolutional Networks (arXiv 1311.2901), section 4.2: cover a part of
the image, classify it again, and see how the probability of the class changes; then the next part. Here a part is covered with the
data set's ground, so that the garment is gone there, and a pixel's figure is the mean over all the patches that covered it.
"""

from __future__ import annotations

import numpy as np

from app.garment import SIDE
from app.images import Fit, Pixels
from app.model import Model
from app.runtime import Images
from app.schemas.explanations import Explanation

PATCH = 6
"""Side of the covered square in pixels: a sleeve, a heel, a handle."""
STRIDE = 2
"""Pixels from one patch to the next; it divides `PATCH`, so that as many patches cover the corner as the centre."""
GROUND = 0


def explain(model: Model, pixels: Pixels, fit: Fit) -> Explanation:
    """How covering each part of an image, uint8 `(28, 28)`, changes the probability of the class it got, in one batch."""
    first, *others = model.infer(np.concatenate([pixels[np.newaxis, ..., np.newaxis], occluded(pixels)])).probabilities
    index = int(first.argmax())
    changes = np.array(others, dtype=float)[:, index] - first[index]  # in float32, six digits would be written as seventeen
    covered = changes @ _COVERED.reshape(len(_COVERED), -1) / (PATCH // STRIDE) ** 2
    return Explanation(
        model=model.name,
        version=model.version,
        label=model.labels[index],
        index=index,
        confidence=float(first[index]),
        fit=fit,
        patch=PATCH,
        stride=STRIDE,
        change=covered.reshape(SIDE, SIDE).round(6).tolist(),
    )


def occluded(pixels: Pixels) -> Images:
    """The image once for each patch, with the patch covered, uint8 `[n, 28, 28, 1]`."""
    return np.where(_COVERED, GROUND, pixels).astype(np.uint8)[..., np.newaxis]


def _patches() -> np.ndarray[tuple[int, int, int], np.dtype[np.bool_]]:
    """Which pixels each patch covers, bool `(n, 28, 28)`; those at the edges reach over it."""
    starts = np.arange(STRIDE - PATCH, SIDE, STRIDE)
    along = (np.arange(SIDE) >= starts[:, np.newaxis]) & (np.arange(SIDE) < starts[:, np.newaxis] + PATCH)
    return (along[:, np.newaxis, :, np.newaxis] & along[np.newaxis, :, np.newaxis, :]).reshape(-1, SIDE, SIDE)


_COVERED = _patches()
