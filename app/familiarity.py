"""How unlike the training images an image is."""

from __future__ import annotations

import base64
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, Field, PrivateAttr, model_validator

from app.garment import SIDE
from app.runtime import Images


class Distance(BaseModel):
    """`distance`: an image is unlike those that the `typical` ones stand for where it is more than `threshold` grey levels from each.

    Images are compared as `grid` x `grid` cells, each the mean of its pixels; a distance is the root mean square over the cells.
    `typical` are images of such cells, a byte each, in base64; `accepted` is the share of real images within the threshold.
    """

    threshold: float = Field(gt=0, lt=255, allow_inf_nan=False)
    accepted: float = Field(gt=0, lt=1)
    grid: Literal[4, 7, 14, 28]
    typical: str

    _cells: npt.NDArray[np.float64] = PrivateAttr()
    _squares: npt.NDArray[np.float64] = PrivateAttr()

    @model_validator(mode="after")
    def _unpack(self) -> Self:
        levels, cells = base64.b64decode(self.typical, validate=True), self.grid**2
        if not levels or len(levels) % cells:
            raise ValueError(f"{len(levels)} bytes are no typical images of {cells} cells each")
        self._cells = np.frombuffer(levels, np.uint8).reshape(-1, cells).astype(np.float64)
        self._squares = np.sum(self._cells**2, axis=1)
        return self

    def unlike(self, images: Images) -> npt.NDArray[np.bool_]:
        """Which of the images, uint8 `[n, 28, 28, 1]`, are beyond the threshold, bool `[n]`."""
        return self.distances(images) > self.threshold

    def distances(self, images: Images) -> npt.NDArray[np.float64]:
        """How far each of the images, uint8 `[n, 28, 28, 1]`, is from the nearest typical one, in grey levels, float64 `[n]`."""
        size = SIDE // self.grid
        cells = images.reshape(-1, self.grid, size, self.grid, size).mean(axis=(2, 4)).reshape(len(images), -1)
        # |a - b|² = |a|² - 2ab + |b|²: one matrix product for all pairs; what rounding leaves of 0 may be below it
        squares = np.sum(cells**2, axis=1) + np.min(self._squares - 2 * cells @ self._cells.T, axis=1)
        return np.asarray(np.sqrt(np.maximum(squares, 0)) / self.grid)


SCORES = {"distance": Distance}
"""By the name that a card gives it."""


def familiarity(stored: dict[str, Any] | None) -> Distance | None:
    """The measure that a card states, ready for use; None where it states none, or one that only another service knows.

    Raises:
        ValueError: The measure is known, but its figures make no sense.
    """
    score = SCORES.get(str(stored.get("score"))) if stored else None
    return score.model_validate(stored) if score else None
