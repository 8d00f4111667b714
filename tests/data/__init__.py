"""Real test images for tests that must run anywhere; `python -m tests.data` wrote them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

FOLDER = Path(__file__).parent
ARCHIVE = FOLDER / "fashion-mnist-300.npz"
BOOT = FOLDER / "ankle-boot.png"
"""The first test image, for the README's examples."""
COUNT = 300


def load() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """The first 300 test images, uint8 `[300, 28, 28, 1]`, and their labels, uint8 `[300]`."""
    with np.load(ARCHIVE) as archive:
        return archive["images"], archive["labels"]
