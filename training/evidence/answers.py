"""`answers.npz`: what a version said of each test image, so that two versions can be compared image by image."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from training.errors import TrainingError

ANSWERS = "answers.npz"


@dataclass(frozen=True)
class Answers:
    """In the test set's order: `true` and `predicted` classes, uint8 `[n]`; the prediction's `confidence`, and the `nll`, float32 `[n]`."""

    true: npt.NDArray[np.uint8]
    predicted: npt.NDArray[np.uint8]
    confidence: npt.NDArray[np.float32]
    nll: npt.NDArray[np.float32]

    def write(self, folder: Path) -> None:
        """Write `answers.npz`; the same answers give the same bytes."""
        np.savez_compressed(folder / ANSWERS, **vars(self))

    @classmethod
    def read(cls, folder: Path) -> Answers:
        """The answers of a published version.

        Raises:
            TrainingError: It was published without them, or they can't be read.
        """
        try:
            with np.load(folder / ANSWERS) as stored:
                return cls(**stored)
        except (OSError, ValueError, TypeError) as error:
            name, version = folder.parent.name, folder.name
            raise TrainingError(
                f"{folder} has no readable {ANSWERS} ({error}): "
                f"run `python -m training evaluate {name} --version {version} --output {folder.parents[1]}`"
            ) from error
