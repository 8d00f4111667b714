"""The ways to show an image: as it is, mirrored, moved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from training.architectures import INPUT_SHAPE

Images = TypeVar("Images", npt.NDArray[np.uint8], npt.NDArray[np.float32])
SIDE = INPUT_SHAPE[0]


@dataclass(frozen=True)
class Views:
    """Every combination of a flip and a shift, numbered from 0; 0 is the image as it is where there is no shift."""

    flip: bool
    shift: int

    @property
    def count(self) -> int:
        return (1 + self.flip) * (2 * self.shift + 1) ** 2

    def of(self, images: Images, chosen: npt.NDArray[np.int64]) -> Images:
        """The chosen view `[n]` of each of the images, `[n, 28, 28, 1]`; what moves in from outside is black."""
        flipped, place = np.divmod(chosen, (2 * self.shift + 1) ** 2)
        down, right = np.divmod(place, 2 * self.shift + 1)
        padded = np.pad(images[..., 0], ((0, 0), (self.shift, self.shift), (self.shift, self.shift)))
        span = np.arange(SIDE)
        columns = np.where(flipped[:, None] == 1, span[::-1], span) + right[:, None]
        rows = span + down[:, None]
        views: Images = padded[np.arange(len(images))[:, None, None], rows[:, :, None], columns[:, None, :]][..., np.newaxis]
        return views
