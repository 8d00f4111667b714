"""Whether an image is anything like the garments that the models were trained on: out-of-distribution detection.

The score is the distance to the nearest of 256 typical garments, seen so coarsely that details don't count. It asks the images and no
model: the first published networks are as sure of many a foreign image as of a shirt, so that scores from their outputs (maximum softmax,
energy, distances in the layer before the last) found fewer of the images of `training.evidence.foreign`, most of all with the ANN.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist
from scipy.special import logsumexp
from sklearn.cluster import MiniBatchKMeans
from sklearn.metrics import roc_auc_score

SIDE = 28
GRID = 7
"""Cells along a side, each the average of 4x4 pixels: of 4, 7, 14 and 28 cells these told most foreign images apart."""
TYPICAL = 256
"""Twice as many tell hardly more foreign images apart."""
FEWEST = TYPICAL // 4
"""Training images from which, mirrored and moved, so many typical ones can be made."""
SHIFT = 2
"""Pixels by which a garment may be off its place and is still a garment."""
ACCEPTED = 0.95
"""Share of real images that the threshold lets pass: the usual point of comparison (Hendrycks and Gimpel 2017, Liu et al. 2020)."""
SEED = 0

Images = npt.NDArray[np.uint8]
Scores = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Familiarity:
    """What a check needs: an image is unfamiliar whose distance to `typical`, uint8 `[256, 7, 7]`, exceeds `threshold` grey levels."""

    typical: Images
    threshold: float

    @classmethod
    def from_card(cls, stored: Mapping[str, Any]) -> Familiarity:
        """What `as_card` stored."""
        cells = np.frombuffer(base64.b64decode(stored["typical"]), np.uint8)
        return cls(cells.reshape(-1, GRID, GRID), stored["threshold"])

    def as_card(self) -> dict[str, Any]:
        """For `card.json`; `typical` is base64 of its bytes, garment by garment, row by row."""
        return {
            "score": "distance",
            "unit": "grey levels",
            "threshold": self.threshold,
            "accepted": ACCEPTED,
            "grid": GRID,
            "typical": base64.b64encode(self.typical.tobytes()).decode(),
        }


def familiarity(images: Images, calibration: Images) -> Familiarity:
    """Learn from training images, and set the threshold on others that were kept out; both uint8 `[n, 28, 28, 1]`."""
    known = typical(images)
    return Familiarity(known, threshold(distance(calibration, known)))


def typical(images: Images) -> Images:
    """Typical garments, uint8 `[256, 7, 7]`: centres that k-means finds among the images, mirrored and moved ones included.

    Shoes all point to the left in the data, and every garment is centred; without the copies a quarter of all mirrored images and
    more than half of those off by two pixels would seem unfamiliar.

    Args:
        images: Training images, uint8 `[n, 28, 28, 1]`.

    Raises:
        ValueError: There are fewer than 64 images.
    """
    garments = np.concatenate([images, images[:, :, ::-1]])[..., 0]
    cells = np.concatenate([_cells(garments), _cells(_moved(garments))]).astype(np.float32)
    # mini-batches (Sculley 2010): seconds instead of minutes
    clusters = MiniBatchKMeans(TYPICAL, batch_size=4096, max_iter=30, n_init=1, random_state=SEED).fit(cells)
    return np.asarray(np.rint(clusters.cluster_centers_).reshape(-1, GRID, GRID), np.uint8)


def distance(images: Images, typical: Images) -> Scores:
    """Root mean square difference to the nearest typical garment, float64 `[n]`, in grey levels.

    Args:
        images: uint8 `[n, 28, 28, 1]`.
        typical: uint8 `[k, 7, 7]`.
    """
    differences = cdist(_cells(images[..., 0]), typical.reshape(len(typical), -1))
    return np.asarray(differences.min(axis=1) / GRID)  # the root of the 49 cells


def threshold(scores: Scores, accepted: float = ACCEPTED) -> float:
    """The lowest of the real images' `scores`, float64 `[n]`, that at least a share of `accepted` of them don't exceed."""
    return float(np.quantile(scores, accepted, method="inverted_cdf"))


def evaluate(known: Familiarity, real: Images, foreign: Mapping[str, Images]) -> dict[str, Any]:
    """How well `known` tells `foreign` images from `real` ones that it has not seen; all are uint8 `[n, 28, 28, 1]`.

    `accepted_test` is the share of real images within the threshold; `flagged` is a foreign set's share beyond it; `auroc` is the chance
    that a foreign image is further from the typical ones than a real one.
    """
    distances = distance(real, known.typical)
    return {
        "score": "distance",
        "unit": "grey levels",
        "threshold": known.threshold,
        "accepted": ACCEPTED,
        "accepted_test": float((distances <= known.threshold).mean()),
        "foreign": {name: _told_apart(distances, distance(images, known.typical), known.threshold) for name, images in foreign.items()},
    }


def by_logits(real: npt.NDArray[np.float32], foreign: Mapping[str, npt.NDArray[np.float32]]) -> dict[str, dict[str, float]]:
    """What a model's own scores would reach: the AUROC by foreign set of its logits, float32 `[n, 10]`, for the two usual ones.

    The energy is of Liu et al. 2020 (arXiv 2010.03759), the maximum softmax of Hendrycks and Gimpel 2017 (arXiv 1610.02136).
    """
    return {
        "energy": {name: _auroc(_energy(real), _energy(logits)) for name, logits in foreign.items()},
        "maximum_softmax": {name: _auroc(_doubt(real), _doubt(logits)) for name, logits in foreign.items()},
    }


def _energy(logits: npt.NDArray[np.float32]) -> Scores:
    energy: Scores = -logsumexp(logits.astype(np.float64), axis=1)
    return energy


def _doubt(logits: npt.NDArray[np.float32]) -> Scores:
    """The negative logarithm of the highest probability."""
    doubt: Scores = -logits.max(axis=1).astype(np.float64) - _energy(logits)
    return doubt


def _told_apart(real: Scores, foreign: Scores, limit: float) -> dict[str, float]:
    return {"images": len(foreign), "auroc": _auroc(real, foreign), "flagged": float((foreign > limit).mean())}


def _auroc(real: Scores, foreign: Scores) -> float:
    is_foreign = np.repeat([False, True], [len(real), len(foreign)])
    return float(roc_auc_score(is_foreign, np.concatenate([real, foreign])))


def _cells(pictures: npt.NDArray[np.uint8]) -> Scores:
    """uint8 `[n, 28, 28]` to averages of squares, float64 `[n, 49]`."""
    size = SIDE // GRID
    return np.mean(pictures.reshape(-1, GRID, size, GRID, size), axis=(2, 4), dtype=np.float64).reshape(-1, GRID * GRID)


def _moved(pictures: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Each of uint8 `[n, 28, 28]` moved by up to `SHIFT` pixels each way; what comes in is the data's ground, 0."""
    padded = np.pad(pictures, ((0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT)))
    places = np.lib.stride_tricks.sliding_window_view(padded, (SIDE, SIDE), axis=(1, 2))
    down, right = np.random.default_rng(SEED).integers(0, 2 * SHIFT + 1, (2, len(pictures)))
    return np.asarray(places[np.arange(len(pictures)), down, right])
