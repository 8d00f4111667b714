"""What each ingredient of a recipe brought, measured on validation images that neither a fit nor the calibration uses."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from training.card import code_revision, now
from training.data import Dataset
from training.evidence.classification import loss_and_accuracy
from training.fit import Fit
from training.recipes import CALIBRATION_IMAGES, Recipe
from training.rounding import rounded
from training.run import export_calibrated, trained
from training.runs import add, rows
from training.savedmodel import predict
from training.study import stated

ABLATION = "ablation.json"
HELD_OUT = 2 * CALIBRATION_IMAGES / 60_000
"""The last images again stay for the calibration; as many before them choose between recipes."""
SHORTER = 4
"""How many times fewer epochs the rungs below the last have than the best recipe: as many full runs would take half a day."""
INGREDIENTS = {
    "a one-cycle rate": (
        "optimizer",
        "learning_rate",
        "schedule",
        "warmup_fraction",
        "weight_decay",
        "batch_size",
        "epochs",
        "early_stopping_patience",
    ),
    "other dropout rates": ("dropout_scale",),
    "folded normalisation and branches": ("reparameterized",),
    "flips, shifts and erasing": ("flip", "shift", "erase"),
    "averaged weights": ("weight_average",),
    "a teacher": ("teacher", "teacher_weight", "teacher_temperature"),
    "blended images for the teacher": ("blends",),
    "the mirror image's answer": ("mirrored",),
}
"""In the order in which they are added to the paper's recipe, and the fields of a recipe that each is made of."""
LONGER = f"{SHORTER} times the epochs"
"""What the last rung adds to all of them."""


def ladder(best: Recipe) -> dict[str, Recipe]:
    """From the paper's recipe to `best`, an ingredient more each time; those it lacks are left out. All hold out the same images.

    Where `best` runs all its epochs, the ingredients are added to shorter runs, and the last rung runs as many as it does.
    """
    paper = Recipe(best.architecture)
    recipe = dataclasses.replace(
        paper,
        validation_fraction=HELD_OUT,
        epochs=min(paper.epochs, best.epochs) if best.trial else paper.epochs,
        **{field: getattr(best, field) for field in ("seed", "steps_per_execution", "train_images", "trial")},
    )
    rungs = {"the paper's recipe": recipe}
    shorter = best if best.early_stopping_patience else dataclasses.replace(best, epochs=-(-best.epochs // SHORTER))
    for ingredient, fields in INGREDIENTS.items():
        changed = dataclasses.replace(recipe, **{field: getattr(shorter, field) for field in fields})
        if changed != recipe:
            rungs[ingredient] = recipe = changed
    if shorter != best:
        rungs[LONGER] = dataclasses.replace(recipe, epochs=best.epochs)
    return rungs


def ablate(name: str, best: Recipe, dataset: Dataset, models: Path, console: Console) -> list[dict[str, Any]]:
    """Train every rung of the recipe's ladder that has no row yet, and store a row for each as it ends.

    Returns:
        The rows of the ladder, from the paper's recipe upwards.

    Raises:
        TrainingError: The teacher is not published in `models`, which can't be written to, or the stored rows can't be read.
    """
    found = []
    for ingredient, recipe in ladder(best).items():
        row = _stored(models, name, recipe)
        if row is None:
            console.print(f"{name}: with {ingredient}")
            with trained(name, recipe, dataset, models, console) as (fitted, _):  # a row that can't be stored costs no run
                row = _row(name, ingredient, recipe, fitted, dataset)
                add(models / ABLATION, row)
        found.append(row)
    return found


def climbed(name: str, best: Recipe, models: Path) -> list[dict[str, Any]]:
    """The stored rows of the recipe's ladder, from the paper's recipe upwards; a row of another recipe is none of them."""
    return [row for recipe in ladder(best).values() if (row := _stored(models, name, recipe))]


def validation_images(recipe: Recipe, dataset: Dataset) -> slice:
    """Which training images choose between recipes: the first half of those that `recipe` holds out."""
    images = len(dataset.train_images)
    fitted = recipe.fitted(images).stop
    return slice(fitted, (fitted + images + 1) // 2)


def _stored(models: Path, name: str, recipe: Recipe) -> dict[str, Any] | None:
    wanted = (name, stated(recipe), recipe.seed)
    return next((row for row in rows(models / ABLATION) if (row["model"], row["recipe"], row["seed"]) == wanted), None)


def _row(name: str, ingredient: str, recipe: Recipe, fitted: Fit, dataset: Dataset) -> dict[str, Any]:
    chosen = validation_images(recipe, dataset)
    with tempfile.TemporaryDirectory() as folder:
        export_calibrated(fitted, recipe, dataset, Path(folder))
        prediction = predict(Path(folder), dataset.train_images[chosen])
    labels = dataset.train_labels[chosen]
    return {
        "model": name,
        "ingredient": ingredient,
        "recipe": stated(recipe),
        "seed": recipe.seed,
        "validation": {"images": len(labels), **rounded(loss_and_accuracy(prediction, labels))},
        "epochs_run": fitted.epochs_run,
        "duration_s": round(sum(fitted.epoch_durations_s), 1),
        "epoch_s": round(float(np.median(fitted.epoch_durations_s)), 2),
        "code_revision": code_revision(),
        "created_at": now(),
    }
