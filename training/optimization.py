"""From a recipe to Keras's optimiser, learning rate schedule and averaged weights."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from training.recipes import Recipe


def optimizer(recipe: Recipe, steps: int) -> keras.optimizers.Optimizer:
    """The recipe's optimiser for a run of so many batches."""
    options: dict[str, Any] = {"learning_rate": _rate(recipe, steps)}
    if recipe.weight_decay is not None:
        options["weight_decay"] = recipe.weight_decay
    if recipe.weight_average is not None:
        options |= {"use_ema": True, "ema_momentum": recipe.weight_average}
    chosen = keras.optimizers.get({"class_name": recipe.optimizer, "config": options})
    if recipe.weight_decay is not None:
        chosen.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return chosen


def _rate(recipe: Recipe, steps: int) -> Any:
    """A cosine after a linear rise, the shape of Smith and Topin 2018, "Super-convergence"."""
    if recipe.schedule == "constant":
        return recipe.learning_rate
    rise = round(recipe.warmup_fraction * steps)
    return keras.optimizers.schedules.CosineDecay(
        recipe.learning_rate / 25, steps - rise, warmup_target=recipe.learning_rate, warmup_steps=rise
    )


def renew_statistics(model: keras.Model, batches: Iterable[npt.NDArray[np.float32]]) -> None:
    """Set each batch normalisation's mean and variance to the mean over `batches` under the model's present weights.

    The averaged weights never saw the statistics that were collected under the raw ones (Izmailov et al. 2018, chapter 3.2).
    `batches` are of images as the network learnt from them, augmented if it did, float32 `[batch, 28, 28, 1]`, 0-1: on others
    its layers have another mean.
    """
    normalisations = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    if not normalisations:
        return
    momenta = [layer.momentum for layer in normalisations]
    for done, batch in enumerate(batches):
        for layer in normalisations:
            layer.momentum = done / (done + 1)  # the mean of all batches so far
        model(batch, training=True)
    for layer, momentum in zip(normalisations, momenta, strict=True):
        layer.momentum = momentum
