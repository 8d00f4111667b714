"""Blends: of an image's view and another's, the same each time, and answered by the teacher as they are."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from tests.training.test_teacher import publish
from training.blending import blended, blends
from training.data import Dataset
from training.recipes import Recipe
from training.savedmodel import predict
from training.teacher import Teacher
from training.views import Views

SHADES = np.array([0, 60, 120, 180, 240], np.uint8)
IMAGES = np.broadcast_to(SHADES[:, None, None, None], (5, 28, 28, 1))
LABELS = np.arange(5, dtype=np.uint8)
STILL = Views(flip=False, shift=0)


def test_an_image_keeps_half_or_more_and_its_label_as_much() -> None:
    for number in range(50):
        images, labels = blended(IMAGES, LABELS, STILL, number)
        assert images.dtype == np.uint8
        assert images.shape == IMAGES.shape
        assert labels.dtype == np.float32
        assert labels.shape == (5, 10)
        np.testing.assert_allclose(labels.sum(axis=1), 1, rtol=1e-6)
        assert (labels[np.arange(5), LABELS] >= 0.5).all()
        np.testing.assert_allclose(images[:, 14, 14, 0], labels[:, :5] @ SHADES, atol=0.51)  # rounded to whole grey levels


def test_shares_are_drawn_evenly_from_a_half_to_one() -> None:
    count = 4000
    images = np.zeros((count, 28, 28, 1), np.uint8)
    labels = (np.arange(count) % 2).astype(np.uint8)
    own = blended(images, labels, STILL, 0)[1][np.arange(count), labels]
    mixed = own[own < 1]  # with an image of the other label
    assert np.quantile(mixed, [0.25, 0.5, 0.75]) == pytest.approx([0.625, 0.75, 0.875], abs=0.02)


def test_views_are_blended() -> None:
    """A bright column on the left is on the right of the mirror image."""
    images = np.zeros((40, 28, 28, 1), np.uint8)
    images[:, :, 0] = 200
    left, right = (blended(images, np.zeros(40, np.uint8), Views(flip=True, shift=0), 0)[0][:, 5, column, 0] for column in (0, -1))
    np.testing.assert_allclose(left.astype(int) + right, 200, atol=1)
    assert 0 < (left == 200).sum() < 40
    assert 0 < (right == 200).sum() < 40
    assert ((left > 0) & (left < 200)).any()


def test_a_set_depends_on_its_number_alone() -> None:
    one, again, other = (blended(IMAGES, LABELS, Views(flip=True, shift=1), number) for number in (1, 1, 2))
    np.testing.assert_array_equal(one[0], again[0])
    np.testing.assert_array_equal(one[1], again[1])
    assert not np.array_equal(one[0], other[0])


def test_the_teacher_answers_blends_of_the_fitted_images_as_they_are(tmp_path: Path) -> None:
    folder = publish(tmp_path, True, 3)
    noise = np.random.default_rng(0).integers(0, 256, (10, 28, 28, 1), np.uint8)
    data = Dataset(noise, np.concatenate([LABELS, LABELS]), IMAGES, LABELS)
    recipe = Recipe("ann", flip=True, shift=1, teacher="ann", blends=3, validation_fraction=0.5)
    made = blends(recipe, data, Teacher("ann", 1, folder, mirrored=True), Console(file=io.StringIO()))
    assert (made.images.shape, made.labels.shape, made.answers.shape) == ((3, 5, 28, 28, 1), (3, 5, 10), (3, 5, 10))
    for number in range(3):
        images, labels = blended(noise[:5], LABELS, Views(flip=True, shift=1), number)
        np.testing.assert_array_equal(made.images[number], images)
        np.testing.assert_array_equal(made.labels[number], labels)
        np.testing.assert_allclose(made.answers[number], predict(folder, images).logits, rtol=1e-3, atol=1e-3)
