"""Fitting: the same command gives the same weights, held-out images only measure, and the recipe decides which weights stay."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pytest
from keras import layers

from tests.training.conftest import AGAIN, Trial
from training.architectures import ARCHITECTURES, scaled
from training.augmentation import AugmentedImages
from training.data import Dataset, one_hot
from training.errors import TrainingError
from training.fit import Fit, fit, network
from training.recipes import PAPER_RECIPES, Recipe

ANN = PAPER_RECIPES["ann"]
SMALL = Recipe("small", batch_size=50, epochs=1)


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


def small() -> keras.Model:
    """Without dropout, so that its steps can be taken one by one."""
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Flatten(),
            layers.Dense(8),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Dense(10, activation="softmax"),
        ],
        name="small",
    )


@pytest.fixture
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ARCHITECTURES, "small", small)


def test_two_commands_in_two_processes_give_the_same_weights(trials: tuple[Trial, Trial]) -> None:
    one, other = (published_weights(trial.models, AGAIN) for trial in trials)
    assert one == other
    one_card, other_card = (json.loads((trial.models / AGAIN / "1" / "card.json").read_text()) for trial in trials)
    assert one_card["history"] == other_card["history"]


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize("recipe", [SMALL, replace(SMALL, flip=True)], ids=["plain", "augmented"])
def test_the_seed_decides_the_weights(recipe: Recipe, dataset: Dataset, tmp_path: Path) -> None:
    few = dataset.limited(300)
    assert not equal(fit(recipe, few, [], tmp_path / "0"), fit(replace(recipe, seed=1), few, [], tmp_path / "1"))


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize("changes", [{}, {"flip": True}], ids=["plain", "augmented"])
def test_batches_per_call_change_nothing_but_speed(changes: dict[str, Any], dataset: Dataset, tmp_path: Path) -> None:
    few = dataset.limited(400)  # six batches, the last of 30, or five whole ones
    recipe = replace(SMALL, steps_per_execution=4, **changes)
    one, other = fit(recipe, few, [], tmp_path / "4"), fit(replace(recipe, steps_per_execution=1), few, [], tmp_path / "1")
    assert equal(one, other)


def test_the_recipe_reaches_the_model_and_the_history_comes_back(dataset: Dataset, tmp_path: Path) -> None:
    recipe = replace(ANN, epochs=2, optimizer="sgd", learning_rate=0.25, steps_per_execution=3, dropout_scale=0.5)
    fitted = fit(recipe, dataset.limited(100), [], tmp_path)
    model = fitted.model
    assert type(model.optimizer).__name__ == "SGD"
    assert float(np.asarray(model.optimizer.learning_rate)) == 0.25
    assert model.steps_per_execution == 3
    assert model.loss == "sparse_categorical_crossentropy"
    assert [layer.rate for layer in model.layers if isinstance(layer, layers.Dropout)] == [0.1, 0.1, 0.1, 0.1, 0.15]
    assert set(fitted.history) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert all(len(values) == 2 and all(type(value) is float for value in values) for values in fitted.history.values())
    assert len(fitted.epoch_durations_s) == 2
    assert min(fitted.epoch_durations_s) > 0


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize(("changes", "batches"), [({}, 6), ({"flip": True}, 5)], ids=["plain", "augmented"])
def test_the_rate_reaches_zero_with_the_last_batch(changes: dict[str, Any], batches: int, dataset: Dataset, tmp_path: Path) -> None:
    """Of 280 images, 50 each: the last batch is smaller, or left out."""
    recipe = replace(SMALL, epochs=4, schedule="one-cycle", **changes)
    optimizer = fit(recipe, dataset.limited(400), [], tmp_path).model.optimizer
    assert int(optimizer.iterations) == 4 * batches
    assert float(optimizer.learning_rate) == pytest.approx(0, abs=1e-9)
    optimizer.iterations.assign(4 * batches - 1)
    assert float(optimizer.learning_rate) > 1e-6


def test_the_papers_network_keeps_its_dropout_rates() -> None:
    assert [layer.rate for layer in network(ANN).layers if isinstance(layer, layers.Dropout)] == [0.2, 0.2, 0.2, 0.2, 0.3]


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize("changes", [{}, {"flip": True}], ids=["plain", "augmented"])
def test_the_last_30_percent_validate_and_are_never_learnt(changes: dict[str, Any], tmp_path: Path) -> None:
    """All images are alike; the first 70 % are called 3, the last 30 % are called 7: what is learnt is wrong for all of the latter."""
    images = np.full((1000, 28, 28, 1), 128, np.uint8)
    labels = np.repeat(np.array([3, 7], np.uint8), [700, 300])
    made = Dataset(images, labels, images[:10], labels[:10])
    fitted = fit(replace(SMALL, epochs=12, learning_rate=0.01, **changes), made, [], tmp_path)
    assert fitted.history["accuracy"][-1] == 1.0
    assert fitted.history["val_accuracy"][-1] == 0.0
    assert set(np.asarray(fitted.model(np.asarray(scaled(images[:2])))).argmax(axis=1)) == {3}


@pytest.mark.usefixtures("_small")
def test_the_best_epochs_weights_are_restored(dataset: Dataset, tmp_path: Path) -> None:
    """Where early stopping ends the run, and where the epochs run out just then."""
    few = dataset.limited(1000)
    recipe = replace(SMALL, epochs=60, learning_rate=0.01, early_stopping_patience=2, early_stopping_min_delta=0.0)
    stopped = fit(recipe, few, [], tmp_path / "stopped")
    assert stopped.epochs_run < recipe.epochs
    assert stopped.best_epoch == stopped.epochs_run - 2
    ran_out = fit(replace(recipe, epochs=stopped.epochs_run, early_stopping_patience=60), few, [], tmp_path / "ran out")
    for fitted in (stopped, ran_out):
        losses = fitted.history["val_loss"]
        assert fitted.epochs_run == len(losses) == stopped.epochs_run
        assert fitted.best_epoch == 1 + int(np.argmin(losses))
        assert min(losses) < losses[-1] - 1e-3  # so that the last epoch's weights would fail here
        loss, accuracy = loss_and_accuracy(fitted, held_out(recipe, few))
        assert loss == pytest.approx(min(losses), abs=1e-5)
        assert accuracy == pytest.approx(fitted.history["val_accuracy"][fitted.best_epoch - 1], abs=1e-6)


@pytest.mark.usefixtures("_small")
def test_without_early_stopping_every_epoch_is_run_and_the_last_ones_weights_stay(dataset: Dataset, tmp_path: Path) -> None:
    few = dataset.limited(1000)
    recipe = replace(SMALL, epochs=7, learning_rate=0.05, early_stopping_patience=None)
    fitted = fit(recipe, few, [], tmp_path)
    losses = fitted.history["val_loss"]
    assert fitted.best_epoch == fitted.epochs_run == len(losses) == 7
    assert min(losses) < losses[-1] - 1e-3  # so that the best epoch's weights would fail here
    loss, _ = loss_and_accuracy(fitted, held_out(recipe, few))
    assert loss == pytest.approx(losses[-1], abs=1e-5)


@pytest.mark.usefixtures("_small")
def test_an_improvement_below_min_delta_does_not_count(dataset: Dataset, tmp_path: Path) -> None:
    recipe = replace(SMALL, epochs=10, early_stopping_patience=1, early_stopping_min_delta=100.0)
    fitted = fit(recipe, dataset.limited(600), [], tmp_path)
    assert (fitted.best_epoch, fitted.epochs_run) == (1, 2)


@pytest.mark.usefixtures("_small")
def test_an_augmented_run_takes_every_batch_of_every_epoch_and_averages_the_weights(dataset: Dataset, tmp_path: Path) -> None:
    """Against the same steps taken one by one, the weights averaged by hand and the statistics too."""
    recipe = Recipe(
        "small",
        optimizer="sgd",
        learning_rate=0.1,
        flip=True,
        shift=1,
        erase=4,
        batch_size=50,
        epochs=3,
        early_stopping_patience=None,
        weight_average=0.8,
        seed=3,
    )
    few = dataset.limited(500)
    fitted = fit(recipe, few, [], tmp_path)

    keras.utils.set_random_seed(3)
    model = small()
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss="categorical_crossentropy", jit_compile=False)
    images, labels = np.asarray(scaled(few.train_images[:350])), few.train_labels[:350]
    source = AugmentedImages(recipe, images, labels, 50, None)
    averages: list[npt.NDArray[np.float32]] = []
    for epoch in range(3):
        source.on_epoch_begin(epoch)
        for batch, targets in source.dataset():
            model.train_on_batch(batch, targets)
            now = [weight.numpy() for weight in model.trainable_weights]
            averages = [0.8 * average + 0.2 * weight for average, weight in zip(averages, now, strict=True)] if averages else now
    assert int(model.optimizer.iterations) == 3 * 7
    found = [weight.numpy() for weight in fitted.model.trainable_weights]
    for weight, average in zip(found, averages, strict=True):
        np.testing.assert_allclose(weight, average, rtol=0, atol=1e-5)
    assert not np.allclose(found[0], now[0], atol=1e-3)

    inputs = np.stack([seen.reshape(50, 784) @ averages[0] + averages[1] for seen, _ in source.epoch(3)])  # of one epoch more
    normalisation = fitted.model.layers[2]
    np.testing.assert_allclose(normalisation.moving_mean.numpy(), inputs.mean(axis=(0, 1)), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(normalisation.moving_variance.numpy(), inputs.var(axis=1).mean(axis=0), rtol=1e-3, atol=1e-4)


@pytest.mark.usefixtures("_small")
def test_the_figures_of_an_augmented_run_are_those_of_the_labels(dataset: Dataset, tmp_path: Path) -> None:
    """A teacher changes the loss of what is fitted, not that of what is held out."""
    recipe = Recipe("small", teacher="ann", batch_size=50, epochs=2, early_stopping_patience=None)
    few = dataset.limited(500)
    teacher = np.random.default_rng(0).normal(0, 5, (1, 350, 10)).astype(np.float16)
    fitted = fit(recipe, few, [], tmp_path, teacher)
    rest = held_out(recipe, few)
    probabilities = fitted.model.predict(np.asarray(scaled(rest.train_images)), verbose=0)
    expected = -np.log(probabilities[np.arange(150), rest.train_labels]).mean()
    assert fitted.history["val_loss"][-1] == pytest.approx(expected, rel=1e-4)
    assert fitted.history["val_accuracy"][-1] == pytest.approx((probabilities.argmax(axis=1) == rest.train_labels).mean(), abs=1e-6)
    assert fitted.history["loss"][-1] > 2 * fitted.history["val_loss"][-1]


def test_a_reparameterized_run_ends_in_the_architectures_own_layers(dataset: Dataset, tmp_path: Path) -> None:
    """They answer as the network that was trained, which has other layers."""
    recipe = replace(ANN, epochs=2, reparameterized=True, early_stopping_patience=None)
    few = dataset.limited(1000)
    fitted = fit(recipe, few, [], tmp_path)
    assert [type(layer) for layer in fitted.model.layers] == [type(layer) for layer in network(ANN).layers]
    assert fitted.model.count_params() == 227_018
    rest = held_out(recipe, few)
    probabilities = fitted.model.predict(np.asarray(scaled(rest.train_images)), verbose=0)
    expected = -np.log(probabilities[np.arange(300), rest.train_labels]).mean()
    assert fitted.history["val_loss"][-1] == pytest.approx(expected, rel=1e-3)
    assert fitted.history["val_accuracy"][-1] == pytest.approx((probabilities.argmax(axis=1) == rest.train_labels).mean(), abs=0.01)
    plain = fit(replace(recipe, reparameterized=False), few, [], tmp_path / "plain")
    assert plain.history["loss"] != fitted.history["loss"]


@pytest.mark.usefixtures("_small")
def test_a_student_learns_what_its_teacher_says(dataset: Dataset, tmp_path: Path) -> None:
    """The teacher calls every image of class k a k + 1, and the labels weigh nothing."""
    recipe = Recipe("small", teacher="ann", teacher_weight=1.0, learning_rate=0.01, batch_size=50, epochs=30, early_stopping_patience=None)
    few = dataset.limited(500)
    wrong = (few.train_labels[:350] + 1) % 10
    fitted = fit(recipe, few, [], tmp_path, 20 * one_hot(wrong)[None].astype(np.float16))
    answers = fitted.model.predict(np.asarray(scaled(few.train_images[:350])), verbose=0).argmax(axis=1)
    assert (answers == wrong).mean() > 0.9


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
    monkeypatch: pytest.MonkeyPatch, dataset: Dataset, last: list[keras.layers.Layer], tmp_path: Path
) -> None:
    network = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Flatten(), *last])
    monkeypatch.setitem(ARCHITECTURES, "odd", lambda: network)
    with pytest.raises(TrainingError, match="the network odd must end in Dense"):
        fit(Recipe("odd"), dataset, [], tmp_path)
