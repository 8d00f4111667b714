"""Which test images were seen in training, or twice in the test set: they say little about garments that a model never saw.

fashion-mnist#44 lists ten test images that are byte for byte in the training set; they are of the release before 31 August 2017.
In the files whose sums `training.data` checks there are none, but near-identical ones remain, as Geier found too (arXiv 1906.08255).
"""

from __future__ import annotations

import hashlib
import math
from copy import deepcopy
from typing import Any

import numpy as np
import numpy.typing as npt

from training.data import Dataset

NEAR = 10.0
"""Grey levels of 255: two images whose root-mean-square difference over all pixels is at most this are near-identical.

Chosen by looking at each test image beside its nearest training image, in the order of their distance. Up to 5 (6 test images) it
is one photograph, stored twice or retouched; up to 10 (18) one product photographed again or in a shade of the same colour, where in
a few plain trousers or shirts nobody can tell. Beyond, visibly different products begin: at 11.3 a shirt without buttons beside
one with, at 12.0 a sweater with another print; of the 158 images within 15, 98 are trousers, alike in cut only.
"""

ROWS = 250
"""Images compared with all others at a time: 60 MB for each matrix of 60,000 distances."""


def overlap(dataset: Dataset, near: float = NEAR) -> dict[str, Any]:
    """Find every test image that is identical or near-identical to a training image, or to another test image.

    It depends on the data alone and takes about 13 s of one core; the next call on the same data is answered at once.

    Args:
        dataset: The images to compare, all with all.
        near: The largest root-mean-square difference, in grey levels, of a near-identical pair; below 100, up to where it is exact.

    Returns:
        `near_rms` is the limit; `train` is about pairs of a test image and a training image, `test` about pairs of two test images.
        Each has `identical`, pairs equal in every byte, and `near`, the others within the limit. Both have the `pairs`, by test
        index, each with its `test_index`, its `train_index` or `other_test_index`, its `rms` in grey levels and whether it has the
        `same_label`; how many have the `same_label` and how many a `different_label`; and the `test_indices` in any pair, sorted.
    """
    digest = hashlib.sha256(str(near).encode())
    for each in (dataset.train_images, dataset.train_labels, dataset.test_images, dataset.test_labels):
        digest.update(hashlib.sha256(each.tobytes()).digest())
    if (key := digest.digest()) not in _FOUND:
        _FOUND[key] = _overlap(dataset, near)
    return deepcopy(_FOUND[key])


_FOUND: dict[bytes, dict[str, Any]] = {}
"""By the digest of the data and the limit: a few kilobytes for each."""


def _overlap(dataset: Dataset, near: float) -> dict[str, Any]:
    test, labels = dataset.test_images, dataset.test_labels
    seen = _pairs(test, dataset.train_images, near)
    # each pair of test images once, and none of an image with itself
    twice = [pair for pair in _pairs(test, test, near) if pair[0] < pair[1]]
    return {
        "near_rms": near,
        "train": _split([_row(pair, "train_index", labels, dataset.train_labels) for pair in seen]),
        "test": _split([_row(pair, "other_test_index", labels, labels) for pair in twice]),
    }


def accuracy_without(true: npt.NDArray[np.int64], predicted: npt.NDArray[np.int64], test_indices: list[int]) -> float | None:
    """The share of equal labels in `true` and `predicted`, int64 `[n]`, among all but the images at `test_indices`; None if none is left.

    Raises:
        IndexError: An index is not below n.
    """
    left = np.delete(true == predicted, test_indices)
    return float(left.mean()) if len(left) else None


def _pairs(images: npt.NDArray[np.uint8], others: npt.NDArray[np.uint8], near: float) -> list[tuple[int, int, float]]:
    """Index in `images`, index in `others` and root-mean-square difference of each pair within `near`, sorted by the indices.

    From |a - b|² = |a|² + |b|² - 2ab, whose cancellation costs nothing here: centred values are whole numbers up to 128, so that
    each product of two 784-pixel images, in whatever order it is summed, stays below 784 · 128² < 2²⁴, where float32 is exact. So are
    the sums of three below it while the images differ by less than 100 grey levels; a larger difference may be off by a few units.
    """
    rows, columns = _centred(images), _centred(others)
    row_squares, column_squares = _squares(rows), _squares(columns)
    pixels = rows.shape[1]
    found = []
    for start in range(0, len(rows), ROWS):
        products = rows[start : start + ROWS] @ columns.T
        squares = column_squares - products
        squares += row_squares[start : start + ROWS, np.newaxis]
        squares -= products
        close = np.argwhere(squares <= pixels * near**2)
        found += [(start + int(row), int(column), math.sqrt(float(squares[row, column]) / pixels)) for row, column in close]
    return found


def _centred(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    return images.reshape(len(images), -1).astype(np.float32) - np.float32(128)


def _squares(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    squares: npt.NDArray[np.float32] = np.einsum("ij,ij->i", vectors, vectors)
    return squares


def _row(pair: tuple[int, int, float], other: str, labels: npt.NDArray[np.uint8], other_labels: npt.NDArray[np.uint8]) -> dict[str, Any]:
    first, second, rms = pair
    return {"test_index": first, other: second, "rms": rms, "same_label": bool(labels[first] == other_labels[second])}


def _split(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "identical": _summary([row for row in rows if row["rms"] == 0]),
        "near": _summary([row for row in rows if row["rms"] > 0]),
    }


def _summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    same = sum(row["same_label"] for row in rows)
    indices = {row[name] for row in rows for name in ("test_index", "other_test_index") if name in row}
    return {"pairs": rows, "same_label": same, "different_label": len(rows) - same, "test_indices": sorted(indices)}
