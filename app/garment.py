"""Any photo of a garment to 28x28, by the procedure that made Fashion-MNIST from product photos.

Source: Xiao, Rasul and Vollgraf 2017 (arXiv 1708.07747), section 2: trim the edges that are close to the colour of the
corners, bring the longest edge to 28, sharpen, extend to 28x28 with the garment in the centre, negate, grey.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter, ImageOps

from app.grey import WHITE, to_grey
from app.orientation import upright

SIDE = 28
TRIM_FUZZ = 0.05 * 255
"""Grey levels within which a pixel counts as background: the paper's 5 %."""
WORKING_SIDE = 16 * SIDE
"""A larger photo is first averaged down to about this: sixteen samples a pixel are plenty, and the rest costs only time."""
AVERAGED = ("L", "LA", "RGB", "RGBA", "CMYK")
SHARPEN = ImageFilter.UnsharpMask(radius=1, percent=50, threshold=0)


Watch = Callable[[str, Image.Image], None]
"""Is shown each step's name, one of `STEPS`, and its result, an 8-bit grey image."""

STEPS = {
    "grey": "Turned upright as the camera noted, transparent parts over white, and made grey.",
    "ground": "The background, the grey of the corners, is taken away; a bright one means that the image is negated.",
    "trim": "Cut to the garment.",
    "resize": "Scaled until its longest edge has 28 pixels, each the mean of those it stands for.",
    "sharpen": "Sharpened a little, as scaling blurs.",
    "centre": "Put into the centre of 28x28 pixels: what the models see.",
}


def garment(image: Image.Image, watch: Watch | None = None) -> npt.NDArray[np.uint8]:
    """Fit a photo into uint8 `(28, 28)`, light garment on a ground of 0; it may be dark on light or light on dark."""
    show = watch or _nobody
    image.draft(None, (WORKING_SIDE, WORKING_SIDE))  # a JPEG decoder can skip what would be averaged away
    upright_grey = to_grey(upright(_reduced(image)), WHITE)
    show("grey", upright_grey)
    grey = np.asarray(upright_grey, dtype=np.int16)
    ground = _ground(grey)
    lifted = (ground - grey if ground > 127 else grey - ground).clip(0, 255).astype(np.uint8)
    show("ground", Image.fromarray(lifted))
    trimmed = Image.fromarray(_trimmed(lifted))
    show("trim", trimmed)
    fitted = ImageOps.contain(trimmed, (SIDE, SIDE), Image.Resampling.BOX)
    show("resize", fitted)
    sharp = fitted.filter(SHARPEN)
    show("sharpen", sharp)
    canvas = Image.new("L", (SIDE, SIDE), 0)
    canvas.paste(sharp, ((SIDE - sharp.width) // 2, (SIDE - sharp.height) // 2))
    show("centre", canvas)
    return np.asarray(canvas, dtype=np.uint8)


def _nobody(_name: str, _result: Image.Image) -> None:
    """Watch nothing: classifying needs only the last step."""


def _reduced(image: Image.Image) -> Image.Image:
    factor = max(image.size) // WORKING_SIDE
    if factor < 2:
        return image
    if image.mode == "1" or image.mode.startswith("I"):
        image = to_grey(image, WHITE)
    elif image.mode not in AVERAGED or "transparency" in image.info:  # palette indices and colour keys have no average
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    return image.reduce(factor)


def _ground(grey: npt.NDArray[np.int16]) -> int:
    """The background's grey level: the median of the corners, as a garment may well touch the edges between them."""
    depth = max(1, min(grey.shape) // SIDE)
    return int(
        np.median([grey[rows, columns] for rows in (slice(depth), slice(-depth, None)) for columns in (slice(depth), slice(-depth, None))])
    )


def _trimmed(lifted: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    rows, columns = (np.flatnonzero((lifted > TRIM_FUZZ).any(axis=axis)) for axis in (1, 0))
    if not rows.size:
        return lifted
    return lifted[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
