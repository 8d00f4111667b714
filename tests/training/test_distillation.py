"""Distillation: the loss and its gradient as the formulas give them, in NumPy and by scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf
from scipy.special import log_softmax, softmax
from sklearn.metrics import log_loss

from training.distillation import Distillation, accuracy

WEIGHT = 0.7
TEMPERATURE = 3.0
GENERATOR = np.random.default_rng(0)
LOGITS = GENERATOR.normal(0, 3, (6, 10)).astype(np.float32)
TEACHER = GENERATOR.normal(0, 5, (6, 10)).astype(np.float32)
LABELS = np.array([0, 3, 3, 9, 5, 1])
ONE_HOT = np.eye(10, dtype=np.float32)[LABELS]
TAUGHT = np.concatenate([ONE_HOT, TEACHER], axis=1)

Floats = npt.NDArray[np.float32]


def loss_and_gradient(targets: Floats, logits: Floats, weight: float = WEIGHT) -> tuple[float, npt.NDArray[np.float64]]:
    """Through the softmax at the end of every network; of the sum over the images."""
    variable = tf.Variable(logits)
    with tf.GradientTape() as tape:
        loss: Any = Distillation(weight, TEMPERATURE)(tf.constant(targets), tf.nn.softmax(variable)) * len(logits)
    return float(loss) / len(logits), np.asarray(tape.gradient(loss, variable), np.float64)


def test_the_loss_is_the_sources_formula() -> None:
    loss, _ = loss_and_gradient(TAUGHT, LOGITS)
    student, teacher = LOGITS.astype(np.float64), TEACHER.astype(np.float64)
    of_labels = -log_softmax(student, axis=1)[np.arange(6), LABELS]
    of_teacher = -(softmax(teacher / TEMPERATURE, axis=1) * log_softmax(student / TEMPERATURE, axis=1)).sum(axis=1)
    assert loss == pytest.approx((0.3 * of_labels + 0.7 * 9 * of_teacher).mean(), rel=1e-5)


def test_the_gradient_is_the_sources_formula() -> None:
    """The derivative of cross-entropy by logits is the difference of the probabilities: Hinton, Vinyals and Dean, equation 2."""
    _, gradient = loss_and_gradient(TAUGHT, LOGITS)
    student, teacher = LOGITS.astype(np.float64), TEACHER.astype(np.float64)
    softened = softmax(student / TEMPERATURE, axis=1) - softmax(teacher / TEMPERATURE, axis=1)
    np.testing.assert_allclose(gradient, 0.3 * (softmax(student, axis=1) - ONE_HOT) + 0.7 * TEMPERATURE * softened, rtol=0, atol=1e-5)


def test_a_student_with_its_teachers_logits_has_nothing_to_learn() -> None:
    _, gradient = loss_and_gradient(TAUGHT, TEACHER, weight=1.0)
    np.testing.assert_allclose(gradient, 0, atol=1e-5)


def test_plain_targets_give_cross_entropy() -> None:
    loss, gradient = loss_and_gradient(ONE_HOT, LOGITS)
    probabilities = softmax(LOGITS.astype(np.float64), axis=1)
    assert loss == pytest.approx(log_loss(LABELS, probabilities, labels=range(10)), rel=1e-5)
    np.testing.assert_allclose(gradient, probabilities - ONE_HOT, rtol=0, atol=1e-5)


@pytest.mark.parametrize("targets", [ONE_HOT, TAUGHT], ids=["labels", "teacher"])
def test_a_probability_of_0_has_a_finite_loss_and_gradient(targets: Floats) -> None:
    sure = 1000 * np.eye(10, dtype=np.float32)[(LABELS + 1) % 10]
    assert np.asarray(tf.nn.softmax(sure)).min() == 0
    loss, gradient = loss_and_gradient(targets, sure)
    assert np.isfinite(loss)
    assert loss > 10
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("targets", [ONE_HOT, TAUGHT], ids=["labels", "teacher"])
def test_accuracy_is_the_share_of_labels_found(targets: Floats) -> None:
    answers = np.eye(10, dtype=np.float32)[[0, 3, 3, 8, 5, 2]]
    assert np.asarray(accuracy(targets, answers)).tolist() == [1, 1, 1, 0, 1, 0]
