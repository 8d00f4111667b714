"""What a careful colleague would remark about an image and the answer it got."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from app.garment import SIDE
from app.images import Fit
from app.remarks import Remark

BRIGHT = 128
"""Grey level from which a border pixel is bright; so is a border where half of them are: see tests/app/test_advice.py."""
NEAR_TIE = 0.1
"""Difference of the two highest probabilities below which either could be meant."""
BLANK_RANGE = 16
"""Grey levels between the darkest and the lightest pixel below which there is nothing to see."""


def advice(
    pixels: npt.NDArray[np.uint8],
    probabilities: npt.NDArray[np.float32],
    labels: Sequence[str],
    fit: Fit,
    more_familiar: float | None = None,
) -> list[Remark]:
    """Remarks about one image, uint8 `(28, 28)`, and its probabilities, float32 `(classes,)`.

    `more_familiar` is the share of real images that are more familiar to the model, 0 to 1, where so many are that this one is strange.
    An image that is strange because it is blank or negated is told that only.
    """
    remarks = []
    if int(pixels.max()) - int(pixels.min()) < BLANK_RANGE:
        remarks.append(Remark("blank", "The image is blank or nearly so: whatever the answer, it is a guess."))
    elif fit == "strict" and _has_bright_border(pixels):
        remarks.append(
            Remark(
                "bright_border",
                "The image has a bright border, but the models know light garments on a dark ground: "
                "negate it, or add fit=garment to have that done.",
            )
        )
    elif more_familiar is not None:
        remarks.append(
            Remark(
                "unfamiliar",
                f"Unlike the images the model was trained on: {100 * more_familiar:g} % of real ones are more familiar to it. "
                f"If it shows none of the {len(labels)} classes, the answer means nothing.",
            )
        )
    *_, runner_up, highest = sorted(probabilities.tolist())  # of ten a list is sorted sooner than an array
    if highest - runner_up < NEAR_TIE:
        second, first = probabilities.argsort()[-2:]
        remarks.append(
            Remark(
                "near_tie",
                f"A near tie: {labels[first]} ({highest:.2f}) and {labels[second]} ({runner_up:.2f}) are almost equally probable.",
            )
        )
    return remarks


def _has_bright_border(pixels: npt.NDArray[np.uint8]) -> bool:
    return int(np.count_nonzero(pixels[_BORDER] >= BRIGHT)) >= len(_BORDER[0]) / 2


_BORDER = np.nonzero(np.pad(np.zeros((SIDE - 2, SIDE - 2), bool), 1, constant_values=True))
