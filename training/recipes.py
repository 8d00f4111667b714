"""How each model is trained: the paper's recipe, and what a better one does differently."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

from training.errors import TrainingError

CALIBRATION_IMAGES = 5000
"""The last so many training images: no fit learns from them, so that they can set temperatures and thresholds."""


@dataclass(frozen=True)
class Recipe:
    """One training run's choices; the defaults are the paper's chapters 1.4, 2.1 and 2.4.

    The paper names no seed and leaves Adam at Keras's defaults.
    """

    architecture: str
    optimizer: str = "adam"
    learning_rate: float = 0.001
    schedule: Literal["constant", "one-cycle"] = "constant"
    """One-cycle: a linear rise to `learning_rate` over `warmup_fraction` of the steps, then a cosine fall to zero."""
    warmup_fraction: float = 0.1
    weight_decay: float | None = None
    """Decoupled from the gradient (AdamW); kernels only, no biases or batch normalisation."""
    weight_average: float | None = None
    """Momentum of an exponential moving average of the weights, which replaces them at the end."""
    loss: str = "sparse_categorical_crossentropy"
    batch_size: int = 200
    epochs: int = 150
    validation_fraction: float = 0.3
    """The last part of the training images, held out from every update of the weights."""
    early_stopping_min_delta: float = 0.0001
    early_stopping_patience: int | None = 20
    """None runs every epoch and keeps the last one's weights: the held-out images then choose nothing."""
    dropout_scale: float = 1.0
    """Factor on the dropout rates of the architecture."""
    reparameterized: bool = False
    """Whether the hidden layers learn with batch normalisation and an identity branch, which are folded into their kernels and biases."""
    flip: bool = False
    """Mirror every other image, left to right."""
    shift: int = 0
    """Move each image by up to so many pixels in both directions."""
    erase: int = 0
    """Side in pixels of a square blanked out of each image, at a random place."""
    teacher: str | None = None
    """The published model whose answers are learnt besides the labels (distillation)."""
    blends: int = 0
    """So many blends of each image with others, which the teacher is asked about too: two of three images shown are one of them."""
    teacher_weight: float = 0.9
    teacher_temperature: float = 4.0
    mirrored: bool = False
    """Whether the published graph averages the logits of each image and of its mirror image, at twice the arithmetic."""
    calibrated: bool = False
    """Whether the published graph divides its logits by the temperature that suits the calibration images."""
    seed: int = 0
    steps_per_execution: int = 1
    """Batches per call into TensorFlow: speed only, the weights are the same."""
    train_images: int | None = None
    """A quick trial trains on the first so many images; None is all of them."""
    trial: bool = False
    """Whether images or epochs were cut short, so that the model is not for serving."""

    def __post_init__(self) -> None:
        if self.weight_average is not None and self.early_stopping_patience is not None:
            raise ValueError("early stopping would put the best epoch's own weights in the place of the averaged ones")
        if self.blends and self.teacher is None:
            raise ValueError("blends are for a teacher to answer, and the recipe names none")

    def fitted(self, images: int) -> slice:
        """Which of so many training images update the weights: the first ones."""
        return slice(int(images * (1 - self.validation_fraction)))

    def calibration(self, images: int) -> slice:
        """Which are kept for temperature and thresholds: the last `CALIBRATION_IMAGES`, or as many as are held out."""
        return slice(max(self.fitted(images).stop, images - CALIBRATION_IMAGES), images)

    @property
    def augmented(self) -> bool:
        """Whether the network sees each image differently in each epoch."""
        return bool(self.flip or self.shift or self.erase)

    @property
    def differences(self) -> dict[str, Any]:
        """What it states beside the paper's recipe for its architecture, the seed aside."""
        paper = Recipe(self.architecture)
        own = dataclasses.asdict(self)
        return {name: value for name, value in own.items() if name != "seed" and value != getattr(paper, name)}


PAPER_RECIPES = {
    "ann": Recipe("ann"),
    "cnn": Recipe("cnn", steps_per_execution=35),
}
"""What the paper did: version 1 of each of its models."""

RECIPES = {
    "resnet": Recipe(
        "resnet",
        optimizer="adamw",
        learning_rate=0.004,
        schedule="one-cycle",
        weight_decay=0.05,
        batch_size=128,
        epochs=75,
        validation_fraction=CALIBRATION_IMAGES / 60_000,
        early_stopping_patience=None,
        flip=True,
        shift=2,
        erase=8,
        mirrored=True,
        calibrated=True,
        steps_per_execution=33,
    ),
    "ann": Recipe(
        "ann",
        learning_rate=0.002,
        schedule="one-cycle",
        weight_average=0.999,
        epochs=240,
        validation_fraction=CALIBRATION_IMAGES / 60_000,
        early_stopping_patience=None,
        dropout_scale=0.0,
        reparameterized=True,
        flip=True,
        teacher="resnet",
        blends=12,
        mirrored=True,
        calibrated=True,
        steps_per_execution=25,
    ),
    "cnn": Recipe(
        "cnn",
        learning_rate=0.003,
        schedule="one-cycle",
        weight_average=0.999,
        epochs=160,
        validation_fraction=CALIBRATION_IMAGES / 60_000,
        early_stopping_patience=None,
        dropout_scale=0.0,
        flip=True,
        shift=1,
        teacher="resnet",
        calibrated=True,
        steps_per_execution=25,
    ),
}
"""The best we know for each model, a teacher before its students: `train all` takes them in this order."""


def recipe_of(card: dict[str, Any]) -> Recipe:
    """The recipe of a card, which may be older than some of its fields: these then had no other value than the paper's."""
    fields = {field.name for field in dataclasses.fields(Recipe)}
    return Recipe(**{name: value for name, value in card["recipe"].items() if name in fields})


def recipe_named(name: str, recipes: dict[str, Recipe] = RECIPES) -> Recipe:
    """The recipe of a model.

    Raises:
        TrainingError: There is no such model; the message names those there are.
    """
    try:
        return recipes[name]
    except KeyError:
        raise TrainingError(f"there is no model named {name!r}: choose one of {', '.join(recipes)}, or all", 2) from None
