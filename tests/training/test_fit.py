"""Fitting: the same command gives the same weights, the last images only validate, and the best epoch's weights stay."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
import pytest

from tests.training.conftest import Trial
from training.architectures import ARCHITECTURES, scaled
from training.data import Dataset
from training.errors import TrainingError
from training.fit import Fit, fit
from training.recipes import RECIPES, Recipe

SHORT = {name: replace(recipe, epochs=1) for name, recipe in RECIPES.items()}


def weights(fitted: Fit) -> list[npt.NDArray[np.float32]]:
    return [np.asarray(weight) for weight in fitted.model.get_weights()]


def equal(one: Fit, other: Fit) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(weights(one), weights(other), strict=True))


def held_out(recipe: Recipe, dataset: Dataset) -> Dataset:
    """The last part of the training images, as the paper's `validation_split` takes it."""
    start = round(len(dataset.train_images) * (1 - recipe.validation_fraction))
    return replace(dataset, train_images=dataset.train_images[start:], train_labels=dataset.train_labels[start:])


def loss_and_accuracy(fitted: Fit, dataset: Dataset) -> tuple[float, float]:
    loss, accuracy = fitted.model.evaluate(np.asarray(scaled(dataset.train_images)), dataset.train_labels, batch_size=200, verbose=0)
    return loss, accuracy


def published_weights(models: Path, name: str) -> str:
    (file,) = (models / name / "1" / "variables").glob("variables.data-*")
    return hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.mark.parametrize("name", RECIPES)
def test_the_same_command_gives_the_same_weights_in_two_processes(name: str, trials: tuple[Trial, Trial]) -> None:
    one, other = (published_weights(trial.models, name) for trial in trials)
    assert one == other
    one_card, other_card = (json.loads((trial.models / name / "1" / "card.json").read_text()) for trial in trials)
    assert one_card["history"] == other_card["history"]


@pytest.mark.parametrize("name", RECIPES)
def test_the_seed_decides_the_weights(name: str, dataset: Dataset) -> None:
    few = dataset.limited(600)
    assert not equal(fit(SHORT[name], few, []), fit(replace(SHORT[name], seed=1), few, []))


def test_batches_per_call_change_nothing_but_speed(dataset: Dataset) -> None:
    few = dataset.limited(1500)  # six batches, the last of 50
    recipe = replace(SHORT["cnn"], steps_per_execution=4)
    assert equal(fit(recipe, few, []), fit(replace(recipe, steps_per_execution=1), few, []))


def test_the_recipe_reaches_the_model_and_the_history_comes_back(dataset: Dataset) -> None:
    recipe = replace(SHORT["ann"], epochs=2, optimizer="sgd", learning_rate=0.25, steps_per_execution=3)
    fitted = fit(recipe, dataset.limited(100), [])
    model = fitted.model
    assert type(model.optimizer).__name__ == "SGD"
    assert float(np.asarray(model.optimizer.learning_rate)) == 0.25
    assert model.steps_per_execution == 3
    assert model.loss == "sparse_categorical_crossentropy"
    assert set(fitted.history) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert all(len(values) == 2 and all(type(value) is float for value in values) for values in fitted.history.values())
    assert fitted.duration_s > 0


def test_the_last_30_percent_validate_and_are_never_learnt() -> None:
    """All images are alike; the first 70 % are called 3, the last 30 % are called 7: what is learnt is wrong for all of the latter."""
    images = np.full((1000, 28, 28, 1), 128, np.uint8)
    labels = np.repeat(np.array([3, 7], np.uint8), [700, 300])
    made = Dataset(images, labels, images[:10], labels[:10])
    fitted = fit(replace(RECIPES["ann"], epochs=12, learning_rate=0.01), made, [])
    assert fitted.history["accuracy"][-1] == 1.0
    assert fitted.history["val_accuracy"][-1] == 0.0
    assert set(np.asarray(fitted.model(np.asarray(scaled(images[:2])))).argmax(axis=1)) == {3}


def test_the_best_epochs_weights_are_restored(dataset: Dataset) -> None:
    """Where early stopping ends the run, and where the epochs run out just then."""
    few = dataset.limited(1000)
    recipe = replace(RECIPES["ann"], epochs=60, learning_rate=0.01, early_stopping_patience=2, early_stopping_min_delta=0.0)
    stopped = fit(recipe, few, [])
    assert stopped.epochs_run < recipe.epochs
    assert stopped.best_epoch == stopped.epochs_run - recipe.early_stopping_patience
    ran_out = fit(replace(recipe, epochs=stopped.epochs_run, early_stopping_patience=60), few, [])
    for fitted in (stopped, ran_out):
        losses = fitted.history["val_loss"]
        assert fitted.epochs_run == len(losses) == stopped.epochs_run
        assert fitted.best_epoch == 1 + int(np.argmin(losses))
        assert min(losses) < losses[-1] - 1e-3  # so that the last epoch's weights would fail here
        loss, accuracy = loss_and_accuracy(fitted, held_out(recipe, few))
        assert loss == pytest.approx(min(losses), abs=1e-5)
        assert accuracy == pytest.approx(fitted.history["val_accuracy"][fitted.best_epoch - 1], abs=1e-6)


def test_an_improvement_below_min_delta_does_not_count(dataset: Dataset) -> None:
    recipe = replace(RECIPES["ann"], epochs=10, early_stopping_patience=1, early_stopping_min_delta=100.0)
    fitted = fit(recipe, dataset.limited(600), [])
    assert (fitted.best_epoch, fitted.epochs_run) == (1, 2)


@pytest.mark.parametrize(
    "last",
    [
        [keras.layers.Dense(10)],
        [keras.layers.Dense(10), keras.layers.Softmax()],
        [keras.layers.Dense(10, activation="softmax", use_bias=False)],
        [keras.layers.Dense(9, activation="softmax")],
    ],
    ids=["no softmax", "softmax apart", "no bias", "nine classes"],
)
def test_a_network_that_could_not_be_published_is_refused_before_training(
    monkeypatch: pytest.MonkeyPatch, dataset: Dataset, last: list[keras.layers.Layer]
) -> None:
    network = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Flatten(), *last])
    monkeypatch.setitem(ARCHITECTURES, "odd", lambda: network)
    with pytest.raises(TrainingError, match="the network odd must end in Dense"):
        fit(Recipe("odd"), dataset, [])
