"""How each model is trained: the paper's recipe, and what a variant does differently."""

from __future__ import annotations

from dataclasses import dataclass

from training.errors import TrainingError


@dataclass(frozen=True)
class Recipe:
    """One training run's choices; the defaults are the paper's chapters 1.4, 2.1 and 2.4.

    The paper names no seed and leaves Adam at Keras's defaults.
    """

    architecture: str
    optimizer: str = "adam"
    learning_rate: float = 0.001
    loss: str = "sparse_categorical_crossentropy"
    batch_size: int = 200
    epochs: int = 150
    validation_fraction: float = 0.3
    """The last part of the training images, held out from every update of the weights."""
    early_stopping_min_delta: float = 0.0001
    early_stopping_patience: int = 20
    seed: int = 0
    steps_per_execution: int = 1
    """Batches per call into TensorFlow: speed only, the weights are the same."""
    train_images: int | None = None
    """A quick trial trains on the first so many images; None is all of them."""
    trial: bool = False
    """Whether images or epochs were cut short, so that the model is not for serving."""


RECIPES = {
    "ann": Recipe("ann"),
    "cnn": Recipe("cnn", steps_per_execution=35),
}


def recipe_named(name: str) -> Recipe:
    """The recipe of a model.

    Raises:
        TrainingError: There is no such model; the message names those there are.
    """
    try:
        return RECIPES[name]
    except KeyError:
        raise TrainingError(f"there is no model named {name!r}: choose one of {', '.join(RECIPES)}, or all", 2) from None
