"""Learning from another model's answers: Hinton, Vinyals and Dean 2015, "Distilling the knowledge in a neural network"."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from training.architectures import CLASSES

SMALLEST = 1e-30
"""A probability that float32 still holds: its logarithm stays finite."""


class Distillation(keras.losses.Loss):  # type: ignore[misc]  # Keras ships no types
    """Cross-entropy with the labels, and with the teacher's softened answers where the targets hold its logits.

    Targets are float32 `[n, 10]`, one-hot labels, or `[n, 20]`, the teacher's logits after them. The teacher's part is
    scaled by the squared temperature, so that its gradient keeps its size (the source's chapter 2).
    """

    def __init__(self, weight: float, temperature: float) -> None:
        super().__init__(name="distillation")
        self._weight = weight
        self._temperature = temperature

    def call(self, y_true: Any, y_pred: Any) -> Any:
        log_probabilities = ops.log(ops.maximum(y_pred, SMALLEST))
        of_labels = -ops.sum(y_true[:, :CLASSES] * log_probabilities, axis=-1)
        if y_true.shape[-1] == CLASSES:
            return of_labels
        softened = ops.softmax(y_true[:, CLASSES:] / self._temperature)
        of_teacher = -ops.sum(softened * ops.log_softmax(log_probabilities / self._temperature), axis=-1)
        return (1 - self._weight) * of_labels + self._weight * self._temperature**2 * of_teacher


def accuracy(y_true: Any, y_pred: Any) -> Any:
    """The share of images whose most probable class is the label, whatever targets follow it."""
    return ops.cast(ops.equal(ops.argmax(y_true[:, :CLASSES], axis=-1), ops.argmax(y_pred, axis=-1)), "float32")
