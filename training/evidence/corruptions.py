"""Six ways in which a picture goes wrong on its way to the model, each at five severities.

After ImageNet-C (Hendrycks & Dietterich, ICLR 2019, arXiv 1903.12261) and MNIST-C (Mu & Gilmer, arXiv 1906.02337), with parameters
of our own, chosen by eye on 28 × 28 pixels: at severity 1 a person hardly sees the change, at severity 5 a person still names most
garments. So the figures compare our models with each other, not with those papers' models.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

SEED = 0
BRIGHTEST = 255

Images = npt.NDArray[np.float32]
"""Grey levels `[n, 28, 28, 1]`, on the way through a corruption neither rounded nor kept within 0-255."""


@dataclass(frozen=True)
class Corruption:
    """One kind of damage: `apply(images, parameter, random)`, with `parameters` in `unit` for the severities 1 to 5."""

    unit: str
    parameters: tuple[float, float, float, float, float]
    apply: Callable[[Images, float, np.random.Generator], Images]


def corrupt(images: npt.NDArray[np.uint8], corruption: Corruption, parameter: float) -> npt.NDArray[np.uint8]:
    """Damage uint8 `[n, 28, 28, 1]` images to the extent `parameter`, in the corruption's unit; the result has the same type and shape.

    The random draws depend on the seed and on n alone: at every severity an image is turned to the same side and gets the same
    pattern of noise, so that two severities differ in the parameter only.
    """
    damaged = corruption.apply(images.astype(np.float32), parameter, np.random.default_rng(SEED))
    rounded: npt.NDArray[np.uint8] = np.rint(damaged.clip(0, BRIGHTEST)).astype(np.uint8)
    return rounded


def _noise(images: Images, deviation: float, random: np.random.Generator) -> Images:
    return images + np.float32(deviation) * random.standard_normal(images.shape, np.float32)


def _blur(images: Images, sigma: float, _: np.random.Generator) -> Images:
    # beyond the frame lies more of the black background
    blurred: Images = ndimage.gaussian_filter(images, sigma, mode="constant", axes=(1, 2))
    return blurred


def _turn(images: Images, degrees: float, random: np.random.Generator) -> Images:
    clockwise = random.random(len(images)) < 0.5
    turned = np.empty_like(images)
    for chosen, angle in ((clockwise, degrees), (~clockwise, -degrees)):
        turned[chosen] = ndimage.rotate(images[chosen], angle, axes=(1, 2), reshape=False, order=1)
    return turned


def _shift(images: Images, pixels: float, random: np.random.Generator) -> Images:
    """By whole pixels along one axis, so that nothing but the place changes: between pixels a shift would also blur."""
    directions = random.integers(4, size=len(images))
    shifted = np.empty_like(images)
    for direction, (down, right) in enumerate(((1, 0), (-1, 0), (0, 1), (0, -1))):
        chosen = directions == direction
        shifted[chosen] = ndimage.shift(images[chosen], (0, down * pixels, right * pixels, 0), order=0)
    return shifted


def _brightness(images: Images, levels: float, _: np.random.Generator) -> Images:
    return images + np.float32(levels)


def _contrast(images: Images, share: float, _: np.random.Generator) -> Images:
    mean: Images = images.mean(axis=(1, 2, 3), keepdims=True)
    return mean + np.float32(share) * (images - mean)


CORRUPTIONS = {
    "noise": Corruption("grey levels, standard deviation of the Gaussian noise on each pixel", (5, 10, 20, 35, 50), _noise),
    "blur": Corruption("pixels, sigma of the Gaussian", (0.5, 0.75, 1.0, 1.25, 1.5), _blur),
    "turn": Corruption("degrees about the centre, to the left or the right", (3, 6, 12, 20, 30), _turn),
    "shift": Corruption("pixels up, down, left or right, what leaves the frame is lost", (1, 2, 3, 4, 5), _shift),
    "brightness": Corruption("grey levels added to each pixel, of 255", (10, 20, 40, 60, 80), _brightness),
    "contrast": Corruption("share left of each pixel's distance from its image's mean", (0.9, 0.75, 0.6, 0.5, 0.4), _contrast),
}
