"""The corruptions: each does what its unit says, by moments, weights and levels worked out without it, and nothing else."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from training.data import Dataset
from training.evidence.corruptions import CORRUPTIONS, corrupt

Pictures = npt.NDArray[np.uint8]
NAMES = ("noise", "blur", "turn", "shift", "brightness", "contrast")
CENTRE = 13.5


def corrupted(images: Pictures, name: str, parameter: float) -> Pictures:
    return corrupt(images, CORRUPTIONS[name], parameter)


def levels(*values: int) -> Pictures:
    """Images of one grey level each."""
    return np.broadcast_to(np.array(values, np.uint8)[:, np.newaxis, np.newaxis, np.newaxis], (len(values), 28, 28, 1)).copy()


def rectangle(count: int, rows: slice, columns: slice) -> Pictures:
    """`count` black images with the same white rectangle."""
    images = np.zeros((count, 28, 28, 1), np.uint8)
    images[:, rows, columns] = 255
    return images


def moments(image: Pictures) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The centre of an image's light, as (row, column), and the covariance around it, in pixels."""
    places = np.indices((28, 28)).reshape(2, -1)
    weights = image.ravel().astype(np.float64)
    return np.average(places, axis=1, weights=weights), np.cov(places, aweights=weights, bias=True)


def test_there_are_six_at_five_severities() -> None:
    assert tuple(CORRUPTIONS) == NAMES
    assert {len(corruption.parameters) for corruption in CORRUPTIONS.values()} == {5}


@pytest.mark.parametrize("name", NAMES)
def test_images_come_out_as_they_went_in_and_the_same_each_time(dataset: Dataset, name: str) -> None:
    images = dataset.test_images[:40]
    before = images.copy()
    first, second = (corrupted(images, name, CORRUPTIONS[name].parameters[2]) for _ in range(2))
    assert first.dtype == np.uint8
    assert first.shape == images.shape
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(images, before)


@pytest.mark.parametrize("name", NAMES)
def test_each_severity_is_farther_from_the_image(dataset: Dataset, name: str) -> None:
    images = dataset.test_images[:200]
    damaged = [corrupted(images, name, parameter) for parameter in CORRUPTIONS[name].parameters]
    distances = [np.sqrt(((each.astype(np.float64) - images) ** 2).mean()) for each in damaged]
    assert distances[0] > 1
    assert (np.diff(distances) > 0).all()


@pytest.mark.parametrize("name", NAMES)
def test_no_damage_at_all_is_the_image_itself(dataset: Dataset, name: str) -> None:
    images = dataset.test_images[:40]
    np.testing.assert_array_equal(corrupted(images, name, 1.0 if name == "contrast" else 0.0), images)


def test_noise_has_its_deviation_and_no_mean() -> None:
    noise = corrupted(levels(*[128] * 100), "noise", 20).astype(np.float64) - 128
    assert noise.std() == pytest.approx(20, rel=0.01)
    assert abs(noise.mean()) < 4 * 20 / np.sqrt(noise.size)  # four standard errors
    assert abs(np.corrcoef(noise[0].ravel(), noise[1].ravel())[0, 1]) < 0.15  # four times 1/sqrt(784)


def test_noise_is_cut_at_black_and_white() -> None:
    black, white = corrupted(levels(0, 255), "noise", 50)
    # below half a level, of a deviation of 50: 50.4 % of a normal distribution
    assert (black == 0).mean() == pytest.approx(0.504, abs=4 * np.sqrt(0.25 / 784))
    assert (white == 255).mean() == pytest.approx(0.504, abs=4 * np.sqrt(0.25 / 784))


@pytest.mark.parametrize("sigma", [0.75, 1.5])
def test_blur_spreads_a_point_into_a_gaussian(sigma: float) -> None:
    blurred = corrupted(rectangle(1, slice(14, 15), slice(10, 11)), "blur", sigma)[0, :, :, 0]
    down, right = (np.exp(-((np.arange(28) - place) ** 2) / (2 * sigma**2)) for place in (14, 10))
    expected = 255 * np.outer(down / down.sum(), right / right.sum())
    np.testing.assert_allclose(blurred, expected, atol=0.51)  # rounded


def test_blur_stays_within_an_image_and_takes_the_outside_for_black() -> None:
    first, second, third = corrupted(levels(255, 0, 255), "blur", 1.0)
    assert (second == 0).all()
    np.testing.assert_array_equal(first, third)
    assert first[14, 14] == 255
    # a corner keeps (1/2 + half the middle weight of 0.3989)² of its light
    assert first[0, 0] == round(255 * 0.69947**2)


def test_turn_is_about_the_centre_by_its_angle_to_both_sides() -> None:
    bars = rectangle(400, slice(12, 16), slice(4, 24))
    angles = []
    for image in corrupted(bars, "turn", 20):
        centre, ((rows, both), (_, columns)) = moments(image)
        np.testing.assert_allclose(centre, CENTRE, atol=0.05)
        angles.append(np.degrees(0.5 * np.arctan2(2 * both, columns - rows)))
    np.testing.assert_allclose(np.abs(angles), 20, atol=0.5)
    assert 150 < np.sum(np.array(angles) > 0) < 250


def test_shift_moves_everything_by_whole_pixels_one_of_four_ways() -> None:
    random = np.random.default_rng(1)
    image = random.integers(1, 256, (28, 28, 1), np.uint8)
    ways = [np.zeros_like(image) for _ in range(4)]
    ways[0][3:], ways[1][:-3], ways[2][:, 3:], ways[3][:, :-3] = image[:-3], image[3:], image[:, :-3], image[:, 3:]
    shifted = corrupted(np.stack([image] * 400), "shift", 3)
    counts = [sum(np.array_equal(each, way) for each in shifted) for way in ways]
    assert sum(counts) == 400
    assert min(counts) > 60


@pytest.mark.parametrize("name", ["turn", "shift"])
def test_an_image_goes_the_same_way_at_each_severity(name: str) -> None:
    marked = rectangle(50, slice(13, 15), slice(18, 20))
    mild, hard = ([moments(image)[0] - moments(marked[0])[0] for image in corrupted(marked, name, parameter)] for parameter in (3, 5))
    for one, other in zip(mild, hard, strict=True):
        assert one @ other > 0.99 * np.linalg.norm(one) * np.linalg.norm(other)


def test_brightness_adds_levels_up_to_white() -> None:
    assert [int(image.max()) for image in corrupted(levels(0, 100, 175, 176, 250), "brightness", 80)] == [80, 180, 255, 255, 255]


def test_contrast_draws_each_image_to_its_own_mean() -> None:
    images = levels(0, 40)
    images[0, :14], images[1, :7] = 255, 200  # means 127.5 and 80
    first, second = corrupted(images, "contrast", 0.5)
    assert (first[0, 0], first[27, 27]) == (191, 64)  # 191.25 and 63.75
    assert (second[0, 0], second[27, 27]) == (140, 60)
