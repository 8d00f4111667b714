"""Fitting one network to the training images, reproducibly."""

from __future__ import annotations

import time
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from training.architectures import ARCHITECTURES, CLASSES, scaled
from training.data import Dataset
from training.errors import TrainingError
from training.recipes import Recipe


@dataclass(frozen=True)
class Fit:
    """A trained network and how it came about; epochs count from 1."""

    model: keras.Model
    history: dict[str, list[float]]
    """`loss`, `accuracy`, `val_loss` and `val_accuracy` after each epoch."""
    best_epoch: int
    duration_s: float

    @property
    def epochs_run(self) -> int:
        return len(self.history["loss"])


def fit(recipe: Recipe, dataset: Dataset, callbacks: list[keras.callbacks.Callback]) -> Fit:
    """Train the recipe's network and restore the weights of its best epoch.

    The seed and deterministic ops make the same recipe give the same weights on the same machine
    (https://www.tensorflow.org/api_docs/python/tf/config/experimental/enable_op_determinism).
    """
    keras.utils.clear_session()  # layer names count from one, whatever this process trained before
    keras.utils.set_random_seed(recipe.seed)
    tf.config.experimental.enable_op_determinism()
    model = ARCHITECTURES[recipe.architecture]()
    _check_last_layer(model, recipe.architecture)
    optimizer = keras.optimizers.get({"class_name": recipe.optimizer, "config": {"learning_rate": recipe.learning_rate}})
    model.compile(
        loss=recipe.loss,
        optimizer=optimizer,
        metrics=["accuracy"],
        steps_per_execution=recipe.steps_per_execution,
        jit_compile=False,  # XLA compiles the CNN for many minutes on a CPU
    )
    early_stopping = keras.callbacks.EarlyStopping(
        min_delta=recipe.early_stopping_min_delta,
        patience=recipe.early_stopping_patience,
        restore_best_weights=True,
    )
    started = time.monotonic()
    history = model.fit(
        np.asarray(scaled(dataset.train_images)),
        dataset.train_labels,
        batch_size=recipe.batch_size,
        epochs=recipe.epochs,
        validation_split=recipe.validation_fraction,
        callbacks=[early_stopping, *callbacks],
        verbose=0,
    )
    return Fit(
        model=model,
        history={name: [float(value) for value in values] for name, values in history.history.items()},
        best_epoch=early_stopping.best_epoch + 1,
        duration_s=time.monotonic() - started,
    )


def _check_last_layer(model: keras.Model, architecture: str) -> None:
    """Publishing takes the last layer apart for the logits: better to know before the training than after it."""
    last = model.layers[-1]
    fits = isinstance(last, keras.layers.Dense) and last.units == CLASSES and last.use_bias
    if not fits or last.activation is not keras.activations.softmax:
        raise TrainingError(
            f"the network {architecture} must end in Dense({CLASSES}, activation='softmax'): mend training/architectures.py", 2
        )
