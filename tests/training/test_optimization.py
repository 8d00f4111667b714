"""The optimiser: its rate at each step, what decays, what is averaged, and statistics that fit the weights they stand beside."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pytest
from keras import layers

from training.architectures import resnet
from training.optimization import optimizer, renew_statistics
from training.recipes import Recipe

CYCLE = Recipe("ann", learning_rate=0.5, schedule="one-cycle", warmup_fraction=0.2)
DECAY = 0.1
RATE = 0.25


def rates(recipe: Recipe, steps: int) -> npt.NDArray[np.float64]:
    """The rate that each step of a run of so many is taken with."""
    chosen = optimizer(recipe, steps)
    found = []
    for step in range(steps):
        chosen.iterations.assign(step)
        found.append(float(chosen.learning_rate))
    return np.array(found)


def arrays(variables: list[Any]) -> list[npt.NDArray[np.float32]]:
    return [variable.numpy().copy() for variable in variables]


def test_the_rate_rises_linearly_to_its_peak_and_falls_to_nothing() -> None:
    found = rates(CYCLE, 100)
    assert found.argmax() == 20
    assert found[20] == pytest.approx(0.5)
    np.testing.assert_allclose(np.diff(found[:21]), (0.5 - 0.5 / 25) / 20, rtol=1e-4)
    np.testing.assert_allclose(found[20:], 0.25 * (1 + np.cos(np.pi * np.arange(80) / 80)), rtol=0, atol=1e-6)
    assert (np.diff(found[20:]) < 0).all()
    assert 0 < found[-1] < 0.001


@pytest.mark.parametrize("steps", [1, 2, 3, 7])
def test_a_trial_of_few_steps_has_a_rate_for_each(steps: int) -> None:
    found = rates(CYCLE, steps)
    assert np.isfinite(found).all()
    assert 0 < found.max() <= 0.5


def test_the_papers_rate_stays() -> None:
    chosen = optimizer(Recipe("ann"), 100)
    assert type(chosen) is keras.optimizers.Adam
    assert float(chosen.learning_rate) == pytest.approx(0.001)
    assert (chosen.weight_decay, chosen.use_ema) == (None, False)


def test_only_kernels_decay() -> None:
    """A step along no gradient at all moves nothing else."""
    model = resnet()
    chosen = optimizer(Recipe("resnet", optimizer="adamw", learning_rate=RATE, weight_decay=DECAY), 100)
    for variable in model.trainable_variables:
        variable.assign(variable + 1)
    before = arrays(model.trainable_variables)
    chosen.build(model.trainable_variables)
    chosen.apply([0 * variable for variable in model.trainable_variables])
    names = [variable.name for variable in model.trainable_variables]
    assert set(names) == {"kernel", "bias", "gamma", "beta"}
    for name, was, now in zip(names, before, arrays(model.trainable_variables), strict=True):
        np.testing.assert_allclose(now, was * (1 - RATE * DECAY) if name == "kernel" else was, rtol=1e-6)


def test_the_average_follows_the_weights_with_its_momentum() -> None:
    weight = keras.Variable([1.0, -2.0])
    recipe = Recipe("ann", optimizer="sgd", learning_rate=RATE, early_stopping_patience=None, weight_average=0.75)
    chosen = optimizer(recipe, 3)
    chosen.build([weight])
    average: npt.NDArray[np.float32] | None = None
    for gradient in ([1.0, 0.0], [-2.0, 4.0], [1.0, 1.0]):
        chosen.apply([keras.ops.array(gradient)])
        now = weight.numpy()
        average = now if average is None else 0.75 * average + 0.25 * now
    chosen.finalize_variable_values([weight])
    assert average is not None
    np.testing.assert_allclose(weight.numpy(), average, rtol=1e-6)
    assert not np.allclose(now, average)


def normalised(x: npt.NDArray[np.float64], layer: Any) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Batch normalisation of a batch by its own mean and variance, and these."""
    mean, variance = x.mean(axis=0), x.var(axis=0)
    return (x - mean) / np.sqrt(variance + layer.epsilon) * layer.gamma.numpy() + layer.beta.numpy(), mean, variance


def test_renewed_statistics_are_those_of_the_layers_inputs() -> None:
    keras.utils.set_random_seed(0)
    first, second = layers.BatchNormalization(momentum=0.9), layers.BatchNormalization(momentum=0.3)
    one, two = layers.Dense(6), layers.Dense(4)
    model = keras.Sequential([keras.Input((28, 28, 1)), layers.Flatten(), one, first, layers.ReLU(), two, second, layers.Dense(10)])
    model.set_weights([weight + 0.1 for weight in model.get_weights()])
    weights = arrays(model.trainable_variables)
    images = np.random.default_rng(0).random((1200, 28, 28, 1), np.float32)
    images[:500] *= 0.5  # so that an average that forgets, or counts a batch twice, is another

    batches = images[:500], images[500:1000], images[1000:]
    renew_statistics(model, batches)

    statistics = []
    for batch in batches:
        x = batch.reshape(-1, 784).astype(np.float64) @ one.kernel.numpy() + one.bias.numpy()
        x, mean, variance = normalised(x, first)
        x = np.maximum(x, 0) @ two.kernel.numpy() + two.bias.numpy()
        _, later_mean, later_variance = normalised(x, second)
        statistics.append((mean, variance, later_mean, later_variance))
    found = (first.moving_mean, first.moving_variance, second.moving_mean, second.moving_variance)
    for value, of_batches in zip(found, zip(*statistics, strict=True), strict=True):
        np.testing.assert_allclose(value.numpy(), np.mean(of_batches, axis=0), rtol=1e-3, atol=1e-5)
    assert (first.momentum, second.momentum) == (0.9, 0.3)
    for was, now in zip(weights, arrays(model.trainable_variables), strict=True):
        np.testing.assert_array_equal(now, was)


def test_a_network_without_normalisation_is_left_alone() -> None:
    """Not even run: its dropout would draw."""
    dropout = layers.Dropout(0.5, seed=1)
    model = keras.Sequential([keras.Input((28, 28, 1)), layers.Flatten(), dropout, layers.Dense(10)])
    before = arrays(model.variables)
    renew_statistics(model, [np.ones((10, 28, 28, 1), np.float32)])
    assert all(np.array_equal(was, now) for was, now in zip(before, arrays(model.variables), strict=True))
    assert len(before) == 3  # the seed too
