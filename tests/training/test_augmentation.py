"""Squares are blank, blends are shown, and the batches depend on nothing but the seed and the epoch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from training.augmentation import AugmentedImages, erased
from training.blending import Blends
from training.recipes import Recipe
from training.views import Views

RECIPE = Recipe("ann", flip=True, shift=1)
IMAGES = 45
BATCH = 10
LABELS = np.arange(IMAGES, dtype=np.uint8) % 10
NUMBERED = np.broadcast_to(np.arange(1, IMAGES + 1, dtype=np.float32)[:, None, None, None], (IMAGES, 28, 28, 1))
"""Each image is of one shade, its number: its inner pixels show it in every view."""

Batches = list[tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]]


@pytest.fixture(scope="module")
def noise() -> npt.NDArray[np.uint8]:
    """Without a black pixel, so that what moved in from outside can be told."""
    return np.random.default_rng(0).integers(1, 256, (IMAGES, 28, 28, 1), np.uint8)


def batches(source: AugmentedImages, epoch: int) -> Batches:
    source.on_epoch_begin(epoch)
    return [(images.numpy(), targets.numpy()) for images, targets in source.dataset()]


def numbered(recipe: Recipe, teacher: npt.NDArray[np.float16] | None = None) -> AugmentedImages:
    return AugmentedImages(recipe, NUMBERED, LABELS, BATCH, teacher)


def shown(made: Batches) -> list[int]:
    """The numbers of the images, from 0, in the order in which they come."""
    return [int(image[14, 14, 0]) - 1 for images, _ in made for image in images]


def equal(one: Batches, other: Batches) -> bool:
    return all(np.array_equal(a, b) for pair, like in zip(one, other, strict=True) for a, b in zip(pair, like, strict=True))


@pytest.mark.parametrize("side", [1, 3, 8])
def test_one_square_is_erased_around_any_pixel_and_cut_at_the_border(side: int) -> None:
    count = 4000
    images = np.full((count, 28, 28, 1), 0.5, np.float32)
    left = erased(images, side, np.random.default_rng(0))
    assert (images == 0.5).all()
    assert set(np.unique(left)) == {0, 0.5}
    blank = left[..., 0] == 0
    for rows_or_columns in (blank.any(axis=2), blank.any(axis=1)):
        first, length = rows_or_columns.argmax(axis=1), rows_or_columns.sum(axis=1)
        last = 27 - rows_or_columns[:, ::-1].argmax(axis=1)
        assert (last - first + 1 == length).all()
        assert (length[(first > 0) & (last < 27)] == side).all()
        assert length.min() == (side + 1) // 2  # around an outermost pixel
    assert (blank.sum(axis=(1, 2)) == blank.any(axis=2).sum(axis=1) * blank.any(axis=1).sum(axis=1)).all()  # a full rectangle
    # the centre is each pixel alike: the share of centres from which a square reaches the pixel
    reaching = np.array([sum(centre - side // 2 <= pixel < centre - side // 2 + side for centre in range(28)) for pixel in range(28)])
    share = np.outer(reaching, reaching) / 28**2
    deviation = np.sqrt(share * (1 - share) / count)
    assert np.abs((blank.mean(axis=0) - share) / deviation).max() < 5


def test_batches_depend_on_the_seed_and_the_epoch_alone() -> None:
    recipe = replace(RECIPE, erase=4)
    source = numbered(recipe)
    in_order = [batches(source, epoch) for epoch in range(3)]
    assert equal(batches(source, 1), in_order[1])
    assert equal(batches(numbered(recipe), 2), in_order[2])  # as in a run that was continued
    assert not equal(in_order[1], in_order[2])
    assert not equal(batches(numbered(replace(recipe, seed=1)), 2), in_order[2])


def test_two_of_three_images_are_blends_with_their_own_labels_and_answers() -> None:
    """Each image in a batch is itself or one of its own blends."""
    sets = np.arange(4)[:, None]
    images = np.broadcast_to((100 + 10 * sets)[:, :, None, None, None], (4, IMAGES, 28, 28, 1)).astype(np.uint8)
    labels = np.broadcast_to((sets / 10)[:, :, None], (4, IMAGES, 10)).astype(np.float32)
    answers = np.zeros((4, IMAGES, 10), np.float16)
    answers[:, :, 0], answers[:, :, 1] = sets, np.arange(IMAGES)
    teacher = np.full((18, IMAGES, 10), 77, np.float16)
    source = AugmentedImages(RECIPE, NUMBERED / np.float32(IMAGES), LABELS, BATCH, teacher, Blends(images, labels, answers))
    made = [pair for epoch in range(10) for pair in batches(source, epoch)]
    assert all(equal([one], [other]) for one, other in zip(batches(source, 3), made[12:16], strict=True))
    found, order = [], []
    for batch, targets in made:
        for image, target in zip(batch, targets, strict=True):
            if target[10] == 77:
                order.append(round(image[14, 14, 0] * IMAGES) - 1)
                assert target[:10].argmax() == LABELS[order[-1]]
                continue
            chosen = int(target[10])
            np.testing.assert_allclose(image, (100 + 10 * chosen) / 255, rtol=1e-6)
            np.testing.assert_allclose(target[:10], chosen / 10)
            found.append((chosen, int(target[11])))
            order.append(int(target[11]))
    assert all(len(set(order[epoch : epoch + 40])) == 40 for epoch in range(0, 400, 40))  # each image once, blended or not
    assert len(found) / 400 == pytest.approx(2 / 3, abs=0.1)  # four standard deviations
    assert {chosen for chosen, _ in found} == set(range(4))
    assert {index for _, index in found} == set(range(IMAGES))


def test_an_epoch_shows_every_image_at_most_once_in_whole_batches() -> None:
    source = numbered(RECIPE)
    assert source.batches == len(source.dataset()) == 4  # of 45 images, 10 each
    left_over = set()
    for epoch in range(3):
        made = batches(source, epoch)
        assert [(images.shape, targets.shape) for images, targets in made] == [((10, 28, 28, 1), (10, 10))] * 4
        order = shown(made)
        assert len(set(order)) == 40
        assert order != sorted(order)
        left_over |= set(range(IMAGES)) - set(order)
    assert len(left_over) > 5  # not the same ones each time


def test_targets_are_the_labels_of_the_images() -> None:
    made = batches(numbered(RECIPE), 0)
    targets = np.concatenate([targets for _, targets in made])
    np.testing.assert_array_equal(targets, np.eye(10)[LABELS[shown(made)]])


def test_every_view_comes_equally_often() -> None:
    ramp = np.broadcast_to(np.linspace(0, 1, 28, dtype=np.float32)[:, None], (IMAGES, 28, 28, 1))
    source = AugmentedImages(Recipe("ann", flip=True), ramp, LABELS, BATCH, None)
    mirrored = [image[0, 0, 0] == 1 for epoch in range(10) for images, _ in batches(source, epoch) for image in images]
    assert len(mirrored) == 400
    assert abs(np.mean(mirrored) - 0.5) < 0.1  # four standard deviations


def test_the_teachers_logits_are_those_of_the_view_that_is_shown(noise: npt.NDArray[np.uint8]) -> None:
    views = Views(flip=True, shift=1)
    images = noise.astype(np.float32)
    teacher = np.zeros((views.count, IMAGES, 10), np.float16)
    teacher[:, :, 0] = np.arange(views.count)[:, None]
    teacher[:, :, 1] = np.arange(IMAGES)
    source = AugmentedImages(RECIPE, images, LABELS, BATCH, teacher)
    seen = set()
    for shown_images, targets in batches(source, 0):
        assert targets.shape == (BATCH, 20)
        for image, target in zip(shown_images, targets, strict=True):
            view, index = int(target[10]), int(target[11])
            np.testing.assert_array_equal(image, views.of(images[[index]], np.array([view]))[0])
            assert target[:10].argmax() == LABELS[index]
            seen.add(view)
    assert len(seen) > 9
