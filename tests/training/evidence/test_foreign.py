"""The foreign images: each set is what its name says, and the same every time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter
from sklearn.datasets import load_digits, load_sample_images

from training.evidence.foreign import DRAWINGS, FONTS, LETTERS, foreign

Sets = dict[str, npt.NDArray[np.uint8]]


@pytest.fixture(scope="module")
def sets() -> Sets:
    return foreign()


def test_all_have_the_models_input_format(sets: Sets) -> None:
    assert {name: len(images) for name, images in sets.items()} == {
        "digits": 1797,
        "letters": 1560,
        "noise": 1500,
        "patterns": 1500,
        "photos": 1500,
    }
    for images in sets.values():
        assert images.dtype == np.uint8
        assert images.shape[1:] == (28, 28, 1)
        assert images.min() <= 5
        assert images.max() >= 250


def test_no_image_is_there_twice(sets: Sets) -> None:
    every = np.concatenate(list(sets.values()))
    assert len({image.tobytes() for image in every}) == len(every)


def test_they_are_the_same_every_time(sets: Sets) -> None:
    for name, images in foreign().items():
        np.testing.assert_array_equal(images, sets[name])


def test_digits_made_small_again_are_scikit_learns(sets: Sets) -> None:
    for image, original in zip(sets["digits"], load_digits().images, strict=True):
        small = np.asarray(Image.fromarray(image[..., 0]).resize((8, 8), Image.Resampling.BOX))
        assert np.abs(small / 255 * 16 - original).mean() < 1.5
        assert np.corrcoef(small.ravel(), original.ravel())[0, 1] > 0.97


def test_digits_are_enlarged_smoothly(sets: Sets) -> None:
    steps = np.abs(np.diff(sets["digits"].astype(int), axis=2))
    assert steps.max() < 140  # 255 where a pixel becomes a square
    assert steps.max() > 60


def extent(images: npt.NDArray[np.uint8], axis: int) -> float:
    """Mean number of rows (`axis` 2) or columns (1) that hold anything light."""
    return float((images[..., 0] > 64).any(axis=axis).sum(axis=1).mean())


def test_letters_are_white_on_black_and_of_their_letters_form(sets: Sets) -> None:
    drawn = sets["letters"].reshape(len(FONTS), DRAWINGS, len(LETTERS), 28, 28, 1)
    assert ((sets["letters"] == 0).mean(axis=(1, 2, 3)) > 0.3).all()
    assert (sets["letters"] == 0).mean() > 0.7
    assert (sets["letters"].max(axis=(1, 2, 3)) > 200).all()
    of = {letter: drawn[:, :, index].reshape(-1, 28, 28, 1) for index, letter in enumerate(LETTERS)}
    width, height = ({letter: extent(images, axis) for letter, images in of.items()} for axis in (1, 2))
    assert width["W"] > width["n"] > width["I"]
    assert min(height["M"], height["l"]) > height["m"]
    assert max(height["S"], height["O"]) > height["o"] + 2
    sans, bold = drawn[0], drawn[1]
    assert bold.mean() > 1.2 * sans.mean()


def test_letters_differ_in_place_size_and_turn(sets: Sets) -> None:
    bars = sets["letters"].reshape(-1, len(LETTERS), 28, 28)[:DRAWINGS, LETTERS.index("l")].astype(float)
    rows, columns = np.mgrid[:28, :28]
    centres, turns, sizes = [], [], []
    for bar in bars:
        centre = np.array([(rows * bar).sum(), (columns * bar).sum()]) / bar.sum()
        spread = np.cov(np.stack([rows.ravel(), columns.ravel()]), aweights=bar.ravel())
        centres.append(centre)
        turns.append(np.degrees(0.5 * np.arctan2(2 * spread[0, 1], spread[0, 0] - spread[1, 1])))
        sizes.append(bar.sum())
    assert np.ptp(centres, axis=0).min() > 1
    assert np.abs(np.array(centres) - 13.5).max() < 8
    assert np.ptp(turns) > 5
    assert np.abs(turns).max() < 21
    assert max(sizes) > 1.3 * min(sizes)


def neighbours_correlation(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    return np.array([np.corrcoef(image[:, :-1].ravel(), image[:, 1:].ravel())[0, 1] for image in images[..., 0]])


def test_noise_is_uniform_gaussian_and_cloudy(sets: Sets) -> None:
    uniform, gaussian, clouds = np.split(sets["noise"], 3)
    assert uniform.mean() == pytest.approx(127.5, abs=0.5)
    assert uniform.std() == pytest.approx(255 / 12**0.5, abs=0.5)
    deviations = gaussian.std(axis=(1, 2, 3))
    assert gaussian.mean() == pytest.approx(128, abs=1)
    assert deviations.min() == pytest.approx(20, abs=2)
    assert 70 < deviations.max() < 80  # 80 but for what 0 and 255 cut off
    for grains in (uniform, gaussian):
        assert np.abs(neighbours_correlation(grains)).max() < 0.2
    # noise blurred with deviation s has neighbours correlated by exp(-1 / 4s²): 0.78 at 1 pixel, 0.98 at 4
    assert neighbours_correlation(clouds).min() > 0.6
    assert np.median(neighbours_correlation(clouds)) == pytest.approx(0.96, abs=0.02)
    assert (np.ptp(clouds, axis=(1, 2, 3)) == 255).all()


def test_patterns_are_gradients_stripes_checks_and_rings(sets: Sets) -> None:
    gradients, stripes, checks, rings = (sets["patterns"][index::4, ..., 0].astype(int) for index in range(4))
    # the second difference of a plane is 0; three roundings make it 2 at most
    assert np.abs(np.diff(gradients, 2, axis=1)).max() <= 2
    assert np.abs(np.diff(gradients, 2, axis=2)).max() <= 2
    for two_levels in (stripes, checks):
        assert {len(np.unique(image)) for image in two_levels} == {2}
    assert evenness(stripes).max() < 0.1
    assert evenness(checks).min() > 0.5
    for turned in (rings[:, ::-1], rings[:, :, ::-1], rings.transpose(0, 2, 1)):
        np.testing.assert_allclose(turned, rings, atol=1)
    spans = np.ptp(sets["patterns"], axis=(1, 2, 3))
    assert spans.min() >= 75
    assert spans.max() == 255


def evenness(images: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """How much the level changes in the direction of least change, by that of most: the structure tensor's eigenvalues; 0 for stripes."""
    changes = np.gradient(gaussian_filter(images.astype(float), (0, 1, 1)), axis=(1, 2))
    tensor = np.einsum("iabc,jabc->aij", changes, changes)
    values = np.linalg.eigvalsh(tensor)
    return np.asarray(values[:, 0] / values[:, 1])


def test_photos_are_cut_from_the_two_photographs(sets: Sets) -> None:
    for photos, photograph in zip(np.split(sets["photos"], 2), load_sample_images().images, strict=True):
        grey = np.asarray(Image.fromarray(photograph).convert("L"))
        rows = {row.tobytes() for row in np.lib.stride_tricks.sliding_window_view(grey, 28, axis=1).reshape(-1, 28)}
        verbatim = [all(row.tobytes() in rows for row in photo[..., 0]) for photo in photos]
        # of squares 28 to 427 pixels wide, evenly on a scale of ratios, 1.3 % are 28 wide and not made smaller
        assert 1 <= sum(verbatim) <= 30
        assert photos.mean() == pytest.approx(grey.mean(), abs=20)
        assert neighbours_correlation(photos[photos.std(axis=(1, 2, 3)) > 20]).mean() > 0.6
