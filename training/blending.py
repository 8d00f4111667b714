"""New images for a student: each training image blended with others, and what the teacher says of them.

Who only hears a teacher's answers to the training images learns these by heart. Between them the teacher has an answer too,
so a student may be shown far more images than there are (Beyer et al. 2022, "Knowledge distillation: A good teacher is patient
and consistent"; the blends are those of Zhang et al. 2018, "mixup").
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rich.console import Console

from training.data import Dataset, one_hot
from training.recipes import Recipe
from training.teacher import Teacher
from training.views import Views

AS_THEY_ARE = 1 / 3
"""The share of images that a student is shown unblended."""


@dataclass(frozen=True)
class Blends:
    """Sets of a blend of each of n images.

    `images` is uint8 `[sets, n, 28, 28, 1]`; `labels`, float32 `[sets, n, 10]`, holds each label's part of a blend, and
    `answers`, float16 `[sets, n, 10]`, the teacher's logits.
    """

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.float32]
    answers: npt.NDArray[np.float16]


def blends(recipe: Recipe, dataset: Dataset, teacher: Teacher, console: Console) -> Blends:
    """The recipe's blends of the training images that it fits, answered by the teacher.

    Raises:
        TrainingError: The folder of the teacher's answers can't be written to.
    """
    fitted, views = recipe.fitted(len(dataset.train_images)), Views(recipe.flip, recipe.shift)
    images, labels = dataset.train_images[fitted], dataset.train_labels[fitted]
    made = [blended(images, labels, views, number) for number in range(recipe.blends)]
    mixed, parts = np.stack([each for each, _ in made]), np.stack([each for _, each in made])
    asked = teacher.logits(Views(flip=False, shift=0), mixed.reshape(-1, *images.shape[1:]), console)
    return Blends(mixed, parts, asked.reshape(parts.shape))


def blended(
    images: npt.NDArray[np.uint8], labels: npt.NDArray[np.uint8], views: Views, number: int
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
    """One set: a view of each image blended with a view of another one, which has at most half of it.

    It depends on its number and on no recipe's seed, so that the teacher's answers are kept for every run.

    Args:
        images: Uint8 `[n, 28, 28, 1]`.
        labels: Uint8 `[n]`.
        views: Those that are blended.
        number: The set's.

    Returns:
        The blends, uint8 `[n, 28, 28, 1]`, and each label's part of them, float32 `[n, 10]`.
    """
    generator = np.random.default_rng(number)
    others = generator.permutation(len(images))
    own = generator.uniform(0.5, 1, len(images)).astype(np.float32)
    one, other = (views.of(shown, generator.integers(0, views.count, len(images))) for shown in (images, images[others]))
    share, targets = own[:, None, None, None], one_hot(labels)
    return np.rint(share * one + (1 - share) * other).astype(np.uint8), own[:, None] * targets + (1 - own[:, None]) * targets[others]
