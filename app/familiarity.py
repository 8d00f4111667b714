"""How unlike the training images an image is."""

from __future__ import annotations

import base64
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, TypeAdapter
from pydantic.dataclasses import dataclass

from app.garment import SIDE
from app.runtime import Images


@dataclass
class Distance:
    """`distance`: an image is unlike those that the `typical` ones stand for where it is more than `threshold` grey levels from each.

    Images are compared as `grid` x `grid` cells, each the mean of its pixels; a distance is the root mean square over the cells.
    `typical` are images of such cells, a byte each, in base64; `accepted` is the share of real images within the threshold.
    """

    threshold: Annotated[float, Field(gt=0, lt=255, allow_inf_nan=False)]
    accepted: Annotated[float, Field(gt=0, lt=1)]
    grid: Literal[4, 7, 14, 28]
    typical: str

    def __post_init__(self) -> None:
        levels, cells = base64.b64decode(self.typical, validate=True), self.grid**2
        if not levels or len(levels) % cells:
            raise ValueError(f"{len(levels)} bytes are no typical images of {cells} cells each")
        typical = np.frombuffer(levels, np.uint8).reshape(-1, cells).astype(np.float32)
        # of float32, which halves what has to pass through the processor's cache for each image, and in the order it is read
        self._squares, self._doubled = np.sum(typical**2, axis=1), np.ascontiguousarray(-2 * typical.T)
        # rows to the means of as many as a cell is high; two small matrix products are five times as fast as a mean over axes
        self._rows = np.kron(np.eye(self.grid), np.full(SIDE // self.grid, self.grid / SIDE)).astype(np.float32)
        self._columns = np.ascontiguousarray(self._rows.T)
        self._limit = np.float32((self.threshold * self.grid) ** 2)

    def unlike(self, images: Images) -> npt.NDArray[np.bool_]:
        """Which of the images, uint8 `[n, 28, 28, 1]`, are beyond the threshold, bool `[n]`."""
        return np.asarray(self._squared(images) > self._limit)

    def distances(self, images: Images) -> npt.NDArray[np.float32]:
        """How far each of the images, uint8 `[n, 28, 28, 1]`, is from the nearest typical one, in grey levels, float32 `[n]`."""
        return np.asarray(np.sqrt(np.maximum(self._squared(images), 0)) / self.grid)  # rounding may leave less than 0

    def _squared(self, images: Images) -> npt.NDArray[np.float32]:
        """The sum of squares over the cells, float32 `[n]`."""
        cells = (self._rows @ images[..., 0].astype(np.float32) @ self._columns).reshape(len(images), -1)
        # |a - b|² = |a|² - 2ab + |b|²: one matrix product for all pairs
        return np.asarray((cells @ self._doubled + self._squares).min(axis=1) + np.vecdot(cells, cells))


SCORES = {"distance": Distance}
"""By the name that a card gives it."""


def familiarity(stored: dict[str, Any] | None) -> Distance | None:
    """The measure that a card states, ready for use; None where it states none, or one that only another service knows.

    Raises:
        ValueError: The measure is known, but its figures make no sense.
    """
    score = SCORES.get(str(stored.get("score"))) if stored else None
    return TypeAdapter(score).validate_python(stored) if score else None
