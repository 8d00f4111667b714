"""A photo of any size, ground and colour becomes what the data set would have made of it."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageOps

from app.images import decode
from app.model import Model
from tests.conftest import encoded
from training.data import Dataset

Pixels = npt.NDArray[np.uint8]
LIMIT = 50_000_000
IMAGES = 1000
MOST_LOST = 0.02
"""The share of correct labels that a render may cost, by the design."""


def large(grey: Image.Image) -> Image.Image:
    return grey.resize((336, 336), Image.Resampling.BICUBIC)


def on_a_wide_white_page(grey: Image.Image) -> Image.Image:
    page = Image.new("RGB", (600, 400), "white")
    page.paste(large(ImageOps.invert(grey)).convert("RGB"), (120, 20))
    return page


def on_grey_paper(grey: Image.Image) -> Image.Image:
    return large(grey.point(lambda level: round(235 * (1 - level / 255))))


def in_colour(grey: Image.Image) -> Image.Image:
    return ImageOps.colorize(large(grey), "white", "black", mid="steelblue")


def cut_out(grey: Image.Image) -> Image.Image:
    image = ImageOps.invert(grey).convert("RGBA")
    image.putalpha(grey.point(lambda level: 255 if level else 0))
    return image.resize((280, 280), Image.Resampling.NEAREST)


RENDERS: dict[str, Callable[[Image.Image], bytes]] = {
    "as it is": lambda grey: encoded(grey, "PNG"),
    "negated": lambda grey: encoded(ImageOps.invert(grey), "PNG"),
    "large": lambda grey: encoded(large(grey), "PNG"),
    "large on white": lambda grey: encoded(large(ImageOps.invert(grey)), "PNG"),
    "large on white as JPEG": lambda grey: encoded(large(ImageOps.invert(grey)), "JPEG", quality=85),
    "huge on white as JPEG": lambda grey: encoded(ImageOps.invert(grey).resize((1344, 1344), Image.Resampling.BILINEAR), "JPEG"),
    "on a wide white page": lambda grey: encoded(on_a_wide_white_page(grey), "PNG"),
    "on grey paper": lambda grey: encoded(on_grey_paper(grey), "PNG"),
    "in colour": lambda grey: encoded(in_colour(grey), "PNG"),
    "cut out": lambda grey: encoded(cut_out(grey), "PNG"),
}


@pytest.fixture(scope="module")
def cnn(models: Path) -> Model:
    return Model(models / "cnn" / "1", "litert")


def accuracy(cnn: Model, images: list[Pixels], labels: Pixels) -> float:
    return float((cnn.classify(np.stack(images)[..., np.newaxis]).probabilities.argmax(axis=1) == labels).mean())


@pytest.mark.parametrize("name", RENDERS)
def test_a_render_costs_at_most_two_points_of_accuracy(name: str, cnn: Model, dataset: Dataset) -> None:
    originals, labels = list(dataset.test_images[:IMAGES, ..., 0]), dataset.test_labels[:IMAGES]
    fitted = [decode(RENDERS[name](Image.fromarray(each)), "garment", LIMIT).pixels for each in originals]
    assert accuracy(cnn, fitted, labels) >= accuracy(cnn, originals, labels) - MOST_LOST


def test_without_fitting_a_negated_image_is_lost(cnn: Model, dataset: Dataset) -> None:
    """What the procedure is worth: the same render, taken as it is."""
    originals, labels = list(dataset.test_images[:IMAGES, ..., 0]), dataset.test_labels[:IMAGES]
    assert accuracy(cnn, [255 - each for each in originals], labels) < accuracy(cnn, originals, labels) - 0.3


def fitted(image: Image.Image) -> Pixels:
    return decode(encoded(image, "PNG"), "garment", LIMIT).pixels


def test_a_narrow_garment_is_centred_and_not_stretched() -> None:
    image = Image.new("L", (500, 500), 255)
    image.paste(0, (10, 100, 60, 300))  # a black bar, 50 wide and 200 high, left of the centre
    pixels = fitted(image)
    rows, columns = np.flatnonzero((pixels > 127).any(axis=1)), np.flatnonzero((pixels > 127).any(axis=0))
    assert (rows[0], rows[-1]) == (0, 27)
    assert (columns[0], columns[-1]) in ((10, 16), (11, 17))
    assert pixels[:, 0].max() == 0


@pytest.mark.parametrize("ground", [0, 20, 235, 255])
def test_the_ground_becomes_black(ground: int) -> None:
    image = Image.new("L", (300, 300), ground)
    image.paste(128, (50, 100, 250, 200))
    pixels = fitted(image)
    assert pixels[0].max() == 0
    assert pixels[14, 14] > 80


@pytest.mark.parametrize("size", [(1, 1), (1, 400), (400, 1), (3, 2), (28, 28), (2000, 10)])
@pytest.mark.parametrize("level", [0, 255])
def test_a_blank_or_tiny_photo_is_no_failure(size: tuple[int, int], level: int) -> None:
    pixels = fitted(Image.new("L", size, level))
    assert pixels.dtype == np.uint8
    assert (pixels.shape, int(pixels.max())) == ((28, 28), 0)


def test_a_large_jpeg_gives_what_its_small_copy_gives(dataset: Dataset) -> None:
    grey = ImageOps.invert(Image.fromarray(dataset.test_images[0, ..., 0]))
    small = decode(encoded(grey.resize((448, 448), Image.Resampling.BICUBIC), "JPEG", quality=95), "garment", LIMIT).pixels
    huge = decode(encoded(grey.resize((4480, 4480), Image.Resampling.BICUBIC), "JPEG", quality=95), "garment", LIMIT).pixels
    assert np.abs(small.astype(int) - huge).mean() < 3


def test_a_turned_photo_is_turned_back(dataset: Dataset) -> None:
    grey = ImageOps.invert(Image.fromarray(dataset.test_images[0, ..., 0])).resize((448, 448), Image.Resampling.BICUBIC)
    exif = Image.Exif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    grey.transpose(Image.Transpose.ROTATE_90).save(buffer, "PNG", exif=exif)
    assert np.abs(decode(buffer.getvalue(), "garment", LIMIT).pixels.astype(int) - fitted(grey)).mean() < 0.5
