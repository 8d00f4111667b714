"""Images that are no garments: what a model ought to find unlike anything it knows.

All are made from packages that training needs anyway, so nothing is downloaded: scikit-learn's digits and its two sample
photographs, letters in the DejaVu fonts that matplotlib brings, and drawn noise and patterns.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont, ImageOps
from scipy.ndimage import gaussian_filter
from sklearn.datasets import load_digits, load_sample_images

SIDE = 28
SEED = 0
EACH = 1500
"""Images of a set whose size is free: about that of the sets whose size is not, so that a share is known to some 2.5 points."""
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
FONTS = ("DejaVuSans", "DejaVuSans-Bold", "DejaVuSansMono", "DejaVuSerif", "DejaVuSerif-Italic")
DRAWINGS = 6
"""Of each letter in each font, every one at another size, turn and place: 52 x 5 x 6 = 1,560."""
SIZES = range(18, 37)
"""Of a font, in pixels: a capital letter is 0.73 of that high, so from half the image to nearly all of it."""

Images = npt.NDArray[np.uint8]


def foreign() -> dict[str, Images]:
    """Every set by its name, uint8 `[n, 28, 28, 1]`, 0-255, the same at each call.

    Digits and letters are light on dark in the centre, as garments are. The photos are cut from only two photographs: 1,500
    pictures, but far fewer independent ones.
    """
    return {"digits": digits(), "letters": letters(), "noise": noise(), "patterns": patterns(), "photos": photos()}


def digits() -> Images:
    """scikit-learn's 1,797 handwritten digits, 8x8 pixels of 0-16, enlarged (Alpaydin and Kaynak 1998, UCI machine learning repository)."""
    small = np.rint(load_digits().images * (255 / 16)).astype(np.uint8)
    return _stacked(np.asarray(Image.fromarray(digit).resize((SIDE, SIDE), Image.Resampling.BICUBIC)) for digit in small)


def letters() -> Images:
    """1,560 printed letters, A-Z and a-z, white on black, turned by up to 20 degrees and moved by up to 3 pixels each way."""
    rng = np.random.default_rng(SEED)
    folder = Path(mpl.get_data_path()) / "fonts" / "ttf"
    drawn = []
    for name in FONTS:
        # Pillow's own layout: the other one is a library of the system, there or not
        fonts = [ImageFont.truetype(folder / f"{name}.ttf", size, layout_engine=ImageFont.Layout.BASIC) for size in SIZES]
        for letter in LETTERS * DRAWINGS:
            image = Image.new("L", (SIDE, SIDE))
            left, top = SIDE / 2 + rng.uniform(-3, 3, 2)
            ImageDraw.Draw(image).text((left, top), letter, fill=255, font=fonts[rng.integers(len(fonts))], anchor="mm")
            drawn.append(np.asarray(image.rotate(rng.uniform(-20, 20), Image.Resampling.BILINEAR)))
    return _stacked(drawn)


def noise() -> Images:
    """500 each of uniform grey levels, of Gaussian ones around 128 (deviation 20 to 80), and of clouds: noise blurred by 1 to 4 pixels."""
    rng = np.random.default_rng(SEED)
    shape = (EACH // 3, SIDE, SIDE)
    uniform = rng.uniform(0, 255, shape)
    gaussian = 128 + rng.uniform(20, 80, (len(uniform), 1, 1)) * rng.standard_normal(shape)
    clouds = [gaussian_filter(grain, rng.uniform(1, 4)) for grain in rng.standard_normal(shape)]
    return _stacked([*uniform, *gaussian, *(255 * (cloud - cloud.min()) / np.ptp(cloud) for cloud in clouds)])


def patterns() -> Images:
    """375 each of gradients, stripes, checks and rings: any direction, a period of 4 to 14 pixels, of 80 to 255 grey levels."""
    rng = np.random.default_rng(SEED)
    rows, columns = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    drawn = []
    for _ in range(EACH // 4):
        angle, period, phase = rng.uniform(0, 2 * np.pi), rng.uniform(4, 14), rng.uniform(0, 2 * np.pi)
        along, across = columns * np.cos(angle) + rows * np.sin(angle), rows * np.cos(angle) - columns * np.sin(angle)
        stripes = np.sign(np.sin(2 * np.pi * along / period + phase))
        checks = stripes * np.sign(np.sin(2 * np.pi * across / period + phase))
        rings = np.sin(2 * np.pi * np.hypot(rows, columns) / period + phase)
        drawn += [127.5 + rng.uniform(40, 127.5) * pattern for pattern in (along / np.abs(along).max(), stripes, checks, rings)]
    return _stacked(drawn)


def photos() -> Images:
    """750 squares each out of scikit-learn's photographs of a Chinese temple and of a flower, in grey, 28 to 427 pixels wide before."""
    rng = np.random.default_rng(SEED)
    cut = []
    for photograph in load_sample_images().images:
        grey = ImageOps.grayscale(Image.fromarray(photograph))
        for _ in range(EACH // 2):
            # as many squares between 28 and 56 pixels as between 56 and 112
            side = int(np.exp(rng.uniform(np.log(SIDE), np.log(min(grey.size)))))
            left, top = int(rng.integers(grey.width - side + 1)), int(rng.integers(grey.height - side + 1))
            square = grey.resize((SIDE, SIDE), Image.Resampling.BOX, box=(left, top, left + side, top + side))
            cut.append(np.asarray(square))
    return _stacked(cut)


def _stacked(pictures: Iterable[npt.NDArray[np.number]]) -> Images:
    return np.stack([np.rint(picture).clip(0, 255).astype(np.uint8) for picture in pictures])[..., np.newaxis]
