"""The published model that another one learns from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from training.augmentation import Views
from training.data import Dataset
from training.errors import TrainingError
from training.fit import fitted_images
from training.publish import published, verify
from training.recipes import Recipe
from training.savedmodel import SavedModel


@dataclass(frozen=True)
class Teacher:
    """A published version."""

    name: str
    version: int
    folder: Path

    def logits(self, recipe: Recipe, dataset: Dataset, cache: Path) -> npt.NDArray[np.float16]:
        """Its logits, `[views, n, 10]`, for each view that the recipe may show of each image it fits.

        Asked once, before training: each view of all images takes as long as classifying them. `cache` is a
        folder in which a run that was killed finds them again.
        """
        stored = cache / "teacher.npy"
        if stored.exists():
            found: npt.NDArray[np.float16] = np.load(stored)
            return found
        graph = SavedModel(self.folder)
        views = Views(recipe.flip, recipe.shift)
        images = dataset.train_images[: fitted_images(recipe, len(dataset.train_images))]
        shown = (views.of(images, np.full(len(images), view)) for view in range(views.count))
        logits = np.stack([graph.predict(each).logits.astype(np.float16) for each in shown])
        draft = cache / "draft.npy"
        np.save(draft, logits)
        draft.replace(stored)
        return logits


def teacher(recipe: Recipe, models: Path) -> Teacher | None:
    """The newest published version of the model that the recipe names, or None where it names none.

    Raises:
        TrainingError: That model is not published in `models`, or it is damaged.
    """
    if recipe.teacher is None:
        return None
    versions = published(models / recipe.teacher)
    if not versions:
        raise TrainingError(
            f"{recipe.architecture} learns from the {recipe.teacher}, which {models} does not hold: "
            f"run `python -m training train {recipe.teacher} --output {models}` first",
            2,
        )
    folder = models / recipe.teacher / str(versions[-1])
    verify(folder)
    return Teacher(recipe.teacher, versions[-1], folder)
