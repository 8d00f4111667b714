"""Views: flips mirror, shifts move black in, and each image is shown in its own."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy.ndimage import shift as shifted

from training.views import Views

IMAGES = 45


@pytest.fixture(scope="module")
def noise() -> npt.NDArray[np.uint8]:
    """Without a black pixel, so that what moved in from outside can be told."""
    return np.random.default_rng(0).integers(1, 256, (IMAGES, 28, 28, 1), np.uint8)


@pytest.mark.parametrize(("flip", "shift", "count"), [(False, 0, 1), (True, 0, 2), (False, 1, 9), (True, 1, 18), (True, 2, 50)], ids=str)
def test_the_views_are_every_flip_with_every_shift_once(noise: npt.NDArray[np.uint8], flip: bool, shift: int, count: int) -> None:
    views = Views(flip, shift)
    assert views.count == count
    found = np.concatenate([views.of(noise[:1], np.array([view])) for view in range(count)])
    assert found.dtype == np.uint8
    moves = range(-shift, shift + 1)
    mirrored = [noise[0, :, :, 0], noise[0, :, ::-1, 0]][: 1 + flip]
    expected = [shifted(image, (down, right), order=0, cval=0) for image in mirrored for down in moves for right in moves]
    assert {view.tobytes() for view in found} == {view.tobytes() for view in expected}
    assert len({view.tobytes() for view in found}) == count


def test_without_a_shift_view_0_is_the_image_and_view_1_its_mirror_image(noise: npt.NDArray[np.uint8]) -> None:
    views = Views(flip=True, shift=0)
    np.testing.assert_array_equal(views.of(noise, np.zeros(IMAGES, np.int64)), noise)
    np.testing.assert_array_equal(views.of(noise, np.ones(IMAGES, np.int64)), noise[:, :, ::-1])


def test_each_image_is_shown_in_its_own_view(noise: npt.NDArray[np.uint8]) -> None:
    views = Views(flip=True, shift=1)
    chosen = np.arange(IMAGES, dtype=np.int64) % views.count
    for image, view, found in zip(noise, chosen, views.of(noise, chosen), strict=True):
        np.testing.assert_array_equal(found, views.of(image[None], np.array([view]))[0])
