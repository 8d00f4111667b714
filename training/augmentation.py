"""Views of the training images: flipped, shifted and partly erased, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from training.architectures import CLASSES, INPUT_SHAPE, scaled
from training.blending import AS_THEY_ARE, Blends
from training.data import one_hot
from training.recipes import Recipe
from training.views import SIDE, Views

Pixels = npt.NDArray[np.float32]


def erased(images: Pixels, side: int, generator: np.random.Generator) -> Pixels:
    """Blank a square of `side` pixels around a random pixel of each image, cut off at its border (DeVries and Taylor 2017, "Cutout")."""
    first = generator.integers(-(side // 2), SIDE - side // 2, (2, len(images), 1))
    span = np.arange(SIDE)
    inside = (span >= first) & (span < first + side)
    left: Pixels = images * ~(inside[0][:, :, None] & inside[1][:, None, :])[..., np.newaxis]
    return left


class AugmentedImages(keras.callbacks.Callback):  # type: ignore[misc]  # Keras ships no types
    """An endless supply of augmented batches that depend only on the recipe's seed and the epoch.

    A callback, because Keras tells callbacks the epoch: a run that was killed and continued sees the same
    batches as one that was not.
    """

    def __init__(
        self,
        recipe: Recipe,
        images: Pixels,
        labels: npt.NDArray[np.uint8],
        batch_size: int,
        teacher: npt.NDArray[np.float16] | None,
        blends: Blends | None = None,
    ) -> None:
        """`images` are 0-1; `teacher`, if any, holds the teacher's logits for each view of these images or more, `[views, n, 10]`."""
        super().__init__()
        self._recipe = recipe
        self._views = Views(recipe.flip, recipe.shift)
        self._images = images
        self._targets = one_hot(labels)
        self._batch_size = batch_size
        self._teacher = teacher
        self._blends = blends
        self._epoch = 0

    @property
    def batches(self) -> int:
        """Whole batches per epoch: the shuffle decides anew each time which few images are left over."""
        return len(self._images) // self._batch_size

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch = epoch

    def dataset(self) -> tf.data.Dataset:
        """Pairs of images float32 `[batch, 28, 28, 1]` and targets float32: one-hot labels, and the teacher's logits after them."""
        width = CLASSES if self._teacher is None else 2 * CLASSES
        signature = (
            tf.TensorSpec((self._batch_size, *INPUT_SHAPE), tf.float32),
            tf.TensorSpec((self._batch_size, width), tf.float32),
        )
        stream = tf.data.Dataset.from_generator(lambda: self.epoch(self._epoch), output_signature=signature)
        return stream.apply(tf.data.experimental.assert_cardinality(self.batches)).prefetch(8)

    def epoch(self, number: int) -> Iterator[tuple[Pixels, Pixels]]:
        """The batches of the epoch of that number, the first one's being 0."""
        generator = np.random.default_rng([self._recipe.seed, number])
        order = generator.permutation(len(self._images))[: self.batches * self._batch_size]
        for batch in order.reshape(self.batches, self._batch_size):
            chosen = generator.integers(0, self._views.count, len(batch))
            images = self._views.of(self._images[batch], chosen)
            if self._recipe.erase:
                images = erased(images, self._recipe.erase, generator)
            targets = self._targets[batch]
            if self._teacher is not None:
                targets = np.concatenate([targets, self._teacher[chosen, batch].astype(np.float32)], axis=1)
            if self._blends is not None:
                blended = generator.random(len(batch)) >= AS_THEY_ARE
                which = generator.integers(0, len(self._blends.images), blended.sum()), batch[blended]
                images[blended] = np.asarray(scaled(self._blends.images[which]))
                targets[blended] = np.concatenate([self._blends.labels[which], self._blends.answers[which]], axis=1)
            yield images, targets
