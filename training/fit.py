"""Fitting one network to the training images, reproducibly."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from training.architectures import ARCHITECTURES, CLASSES, scaled
from training.augmentation import AugmentedImages
from training.blending import Blends
from training.checkpoint import Checkpoint
from training.data import Dataset, one_hot
from training.distillation import Distillation, accuracy
from training.errors import TrainingError
from training.optimization import optimizer, renew_statistics
from training.recipes import Recipe
from training.reparameterization import branched, fold


@dataclass(frozen=True)
class Fit:
    """A trained network and how it came about; epochs count from 1."""

    model: keras.Model
    history: dict[str, list[float]]
    """`loss`, `accuracy`, `val_loss` and `val_accuracy` after each epoch."""
    best_epoch: int
    """The epoch whose weights the model has."""
    epoch_durations_s: list[float]

    @property
    def epochs_run(self) -> int:
        return len(self.history["loss"])


def network(recipe: Recipe) -> keras.Model:
    """The recipe's untrained network, as it is published."""
    model = ARCHITECTURES[recipe.architecture]()
    _check_last_layer(model, recipe.architecture)
    for layer in model.layers:
        if isinstance(layer, keras.layers.Dropout):
            layer.rate *= recipe.dropout_scale
    return model


def learner(published: keras.Model, recipe: Recipe) -> keras.Model:
    """The network that the recipe trains: `published` itself, or one that is folded into it.

    Raises:
        TrainingError: The recipe asks for one that `published` has no counterpart to.
    """
    return branched(published) if recipe.reparameterized else published


def fit(
    recipe: Recipe,
    dataset: Dataset,
    callbacks: list[keras.callbacks.Callback],
    backup: Path,
    teacher: npt.NDArray[np.float16] | None = None,
    blends: Blends | None = None,
) -> Fit:
    """Train the recipe's network; with early stopping, restore the weights of its best epoch.

    The seed and deterministic ops make the same recipe give the same weights on the same machine
    (https://www.tensorflow.org/api_docs/python/tf/config/experimental/enable_op_determinism).

    Args:
        recipe: What to do.
        dataset: Its training images; the last `validation_fraction` of them only measure.
        callbacks: Keras callbacks that watch.
        backup: Folder from which a killed run continues, and where this run stores its state.
        teacher: The teacher's logits for each view of each training image, `[views, n, 10]`.
        blends: Further images made of the fitted ones, with the teacher's answers.
    """
    keras.utils.clear_session()  # layer names count from one, whatever this process trained before
    keras.utils.set_random_seed(recipe.seed)
    tf.config.experimental.enable_op_determinism()
    published = network(recipe)
    model = learner(published, recipe)
    images, labels = np.asarray(scaled(dataset.train_images)), dataset.train_labels
    fitted = recipe.fitted(len(images)).stop
    batch_size = min(recipe.batch_size, fitted)
    watching: list[keras.callbacks.Callback] = []
    if recipe.augmented or teacher is not None:
        source = AugmentedImages(recipe, images[:fitted], labels[:fitted], batch_size, teacher, blends)
        watching.append(source)
        data = {"x": source.dataset(), "shuffle": False}  # it is shuffled already
        batches = source.batches
        seen = (each for each, _ in source.epoch(recipe.epochs))
        measured: tuple[Any, Any] = (images[fitted:], one_hot(labels[fitted:]))
        objective = {"loss": Distillation(recipe.teacher_weight, recipe.teacher_temperature), "metrics": [accuracy]}
    else:
        data = {"x": images[:fitted], "y": labels[:fitted], "batch_size": batch_size}
        batches = -(-fitted // batch_size)
        seen = (images[first : first + batch_size] for first in range(0, fitted, batch_size))
        measured = (images[fitted:], labels[fitted:])
        objective = {"loss": recipe.loss, "metrics": ["accuracy"]}
    if stopping := _early_stopping(recipe):
        watching.append(stopping)
    checkpoint = Checkpoint(backup, stopping)
    model.compile(
        **objective,
        optimizer=optimizer(recipe, recipe.epochs * batches),
        steps_per_execution=recipe.steps_per_execution,
        jit_compile=False,  # XLA compiles the CNN for many minutes on a CPU
    )
    model.fit(
        **data,
        epochs=recipe.epochs,
        validation_data=measured,
        validation_batch_size=batch_size,
        callbacks=[*watching, *callbacks, checkpoint],
        verbose=0,
    )
    if recipe.weight_average is not None:
        renew_statistics(model, seen)
    if model is not published:
        fold(model, published)
    history = dict(checkpoint.history)
    durations = history.pop("duration_s")
    return Fit(published, history, stopping.best_epoch + 1 if stopping else len(durations), durations)


def _early_stopping(recipe: Recipe) -> keras.callbacks.EarlyStopping | None:
    if recipe.early_stopping_patience is None:
        return None
    return keras.callbacks.EarlyStopping(
        min_delta=recipe.early_stopping_min_delta, patience=recipe.early_stopping_patience, restore_best_weights=True
    )


def _check_last_layer(model: keras.Model, architecture: str) -> None:
    """Publishing takes the last layer apart for the logits: better to know before the training than after it."""
    last = model.layers[-1]
    fits = isinstance(last, keras.layers.Dense) and last.units == CLASSES and last.use_bias
    if not fits or last.activation is not keras.activations.softmax:
        raise TrainingError(
            f"the network {architecture} must end in Dense({CLASSES}, activation='softmax'): mend training/architectures.py", 2
        )
