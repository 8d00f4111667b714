"""A killed run: it continues after its last whole epoch, and ends with the weights of one that was not killed, bit for bit."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from training.architectures import ARCHITECTURES
from training.data import Dataset
from training.errors import TrainingError
from training.fit import Fit, fit
from training.recipes import Recipe

EPOCHS = 5
PLAIN = Recipe("tiny", batch_size=50, epochs=EPOCHS)
AUGMENTED = replace(PLAIN, flip=True, shift=1, erase=4)
STOPPING = replace(AUGMENTED, learning_rate=0.05, early_stopping_patience=2, early_stopping_min_delta=0.0, epochs=30)
AVERAGED = replace(AUGMENTED, optimizer="adamw", weight_decay=0.01, schedule="one-cycle", early_stopping_patience=None, weight_average=0.9)


class Killed(BaseException):
    """What no code of the run catches."""


class Kill(keras.callbacks.Callback):  # type: ignore[misc]  # Keras ships no types
    """Ends the run after so many whole epochs and two batches."""

    def __init__(self, epochs: int) -> None:
        super().__init__()
        self._epochs = epochs
        self._epoch = 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if (self._epoch, batch) == (self._epochs, 1):
            raise Killed


class Epochs(keras.callbacks.Callback):  # type: ignore[misc]
    """Which epochs were run, from 0."""

    def __init__(self) -> None:
        super().__init__()
        self.run: list[int] = []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.run.append(epoch)


@dataclass(frozen=True)
class Whole:
    """A run that was not killed, and the backup it left."""

    recipe: Recipe
    fitted: Fit
    backup: Path


def tiny() -> keras.Model:
    """Everything that has a state beside its weights: batch normalisation and dropout."""
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.MaxPooling2D(4),
            layers.Flatten(),
            layers.Dense(16),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Dropout(0.3),
            layers.Dense(16, activation="relu"),
            layers.Dropout(0.2),
            layers.Dense(10, activation="softmax"),
        ],
        name="tiny",
    )


@pytest.fixture(scope="module", autouse=True)
def _tiny() -> Any:
    ARCHITECTURES["tiny"] = tiny
    yield
    del ARCHITECTURES["tiny"]


@pytest.fixture(scope="module")
def few(dataset: Dataset) -> Dataset:
    return dataset.limited(300)


@pytest.fixture(scope="module")
def whole_run(few: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Recipe], Whole]:
    """Each recipe is run once."""
    runs: dict[Recipe, Whole] = {}

    def run(recipe: Recipe) -> Whole:
        if recipe not in runs:
            backup = tmp_path_factory.mktemp("whole")
            runs[recipe] = Whole(recipe, fit(recipe, few, [], backup), backup)
        return runs[recipe]

    return run


def killed(recipe: Recipe, dataset: Dataset, backup: Path, epochs: int) -> None:
    with pytest.raises(Killed):
        fit(recipe, dataset, [Kill(epochs)], backup)


def continued(recipe: Recipe, dataset: Dataset, backup: Path) -> tuple[Fit, list[int]]:
    """The same run again, and the epochs that it still ran."""
    keras.utils.set_random_seed(99)  # the state that a process of its own would not know
    epochs = Epochs()
    return fit(recipe, dataset, [epochs], backup), epochs.run


def assert_same(one: Fit, other: Fit) -> None:
    for a, b in zip(one.model.get_weights(), other.model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert one.history == other.history
    assert (one.best_epoch, one.epochs_run) == (other.best_epoch, other.epochs_run)
    assert len(one.epoch_durations_s) == len(other.epoch_durations_s) == one.epochs_run


def state(file: Path) -> dict[str, Any]:
    with np.load(file) as content:
        found: dict[str, Any] = json.loads(content["state"].item())
    return found


@pytest.mark.parametrize(
    ("recipe", "kills"),
    [(PLAIN, [2]), (AUGMENTED, [1, 3]), (STOPPING, [3]), (AVERAGED, [2])],
    ids=["plain", "augmented", "stopping", "averaged"],
)
def test_a_killed_run_ends_as_one_that_was_not(
    recipe: Recipe, kills: list[int], few: Dataset, whole_run: Callable[[Recipe], Whole], tmp_path: Path
) -> None:
    whole = whole_run(recipe).fitted
    for epochs in kills:
        killed(recipe, few, tmp_path, epochs)
    fitted, run = continued(recipe, few, tmp_path)
    assert run == list(range(kills[-1], whole.epochs_run))
    assert_same(fitted, whole)


@pytest.mark.parametrize("recipe", [STOPPING, AVERAGED], ids=["stopping", "averaged"])
def test_a_run_killed_behind_its_last_epoch_trains_no_more(recipe: Recipe, few: Dataset, whole_run: Callable[[Recipe], Whole]) -> None:
    whole = whole_run(recipe)
    fitted, run = continued(recipe, few, whole.backup)
    assert run == []
    assert_same(fitted, whole.fitted)


def test_the_best_epochs_weights_outlive_the_process(few: Dataset, whole_run: Callable[[Recipe], Whole], tmp_path: Path) -> None:
    """Killed after the best epoch, before early stopping ends the run: the best weights were another process's."""
    whole = whole_run(STOPPING).fitted
    assert whole.best_epoch == whole.epochs_run - 2 < STOPPING.epochs - 2
    killed(STOPPING, few, tmp_path, whole.best_epoch + 1)
    fitted, run = continued(STOPPING, few, tmp_path)
    assert run == [whole.best_epoch + 1]
    assert_same(fitted, whole)


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def emptied(file: Path) -> None:
    file.write_bytes(b"")


def scribbled(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 255
    file.write_bytes(content)


def replaced(file: Path) -> None:
    file.write_text("no archive")


@pytest.mark.parametrize("damage", [cut, emptied, scribbled, replaced])
def test_a_damaged_file_costs_an_epoch(
    damage: Callable[[Path], None], few: Dataset, whole_run: Callable[[Recipe], Whole], tmp_path: Path
) -> None:
    whole = whole_run(AUGMENTED)
    backup = Path(shutil.copytree(whole.backup, tmp_path / "backup"))
    assert [file.name for file in sorted(backup.iterdir())] == ["epoch-00004.npz", "epoch-00005.npz"]
    damage(backup / "epoch-00005.npz")
    fitted, run = continued(AUGMENTED, few, backup)
    assert run == [4]
    assert_same(fitted, whole.fitted)


def test_a_file_that_was_being_written_does_not_count(few: Dataset, whole_run: Callable[[Recipe], Whole], tmp_path: Path) -> None:
    whole = whole_run(AUGMENTED)
    backup = Path(shutil.copytree(whole.backup, tmp_path / "backup"))
    cut((backup / "epoch-00005.npz").rename(backup / "draft.npz"))
    fitted, run = continued(AUGMENTED, few, backup)
    assert run == [4]
    assert_same(fitted, whole.fitted)
    assert [file.name for file in sorted(backup.iterdir())] == ["epoch-00004.npz", "epoch-00005.npz"]


def test_where_nothing_is_whole_the_run_starts_anew(few: Dataset, whole_run: Callable[[Recipe], Whole], tmp_path: Path) -> None:
    whole = whole_run(AUGMENTED)
    backup = Path(shutil.copytree(whole.backup, tmp_path / "backup"))
    for file in backup.iterdir():
        cut(file)
    fitted, run = continued(AUGMENTED, few, backup)
    assert run == list(range(EPOCHS))
    assert_same(fitted, whole.fitted)


def test_a_file_holds_the_figures_and_durations_so_far(whole_run: Callable[[Recipe], Whole]) -> None:
    whole = whole_run(AUGMENTED)
    stored = state(whole.backup / "epoch-00004.npz")
    assert (stored["epochs"], stored["ended"]) == (4, False)
    assert stored["history"] == {
        **{name: values[:4] for name, values in whole.fitted.history.items()},
        "duration_s": whole.fitted.epoch_durations_s[:4],
    }


def test_a_folder_that_cannot_be_written_to_is_named(few: Dataset, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(TrainingError, match=r"can't write to .*/file/backup \(Not a directory\)"):
        fit(replace(PLAIN, epochs=1), few, [], tmp_path / "file" / "backup")
