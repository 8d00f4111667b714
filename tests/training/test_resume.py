"""The folder of an unfinished run: whose it is, who may use it, and that nothing of it stays."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import subprocess
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import keras
import pytest
from keras import layers

from tests.training.conftest import ENVIRONMENT, REPOSITORY, TRAINING
from training import reparameterization
from training.__main__ import main
from training.architectures import ARCHITECTURES
from training.data import Dataset
from training.errors import TrainingError
from training.fit import fit
from training.recipes import PAPER_RECIPES, Recipe
from training.resume import resumable
from training.savedmodel import export
from training.teacher import Teacher

RECIPE = Recipe("small", teacher="cnn")
TEACHER = Teacher("cnn", 1, Path("cnn/1"))


def small() -> keras.Model:
    return keras.Sequential([keras.Input((28, 28, 1)), layers.Flatten(), layers.Dense(10, activation="softmax")], name="small")


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ARCHITECTURES, "small", small)


def folder_of(home: Path, recipe: Recipe = RECIPE, teacher: Teacher | None = None) -> Path:
    with resumable(home, recipe, teacher) as folder:
        return folder


def fail(home: Path) -> Path:
    """A run that fails and leaves its folder."""
    with suppress(KeyboardInterrupt), resumable(home, RECIPE) as folder:
        (folder / "state").touch()
        raise KeyboardInterrupt
    return folder


def test_a_run_that_failed_finds_its_folder_again(tmp_path: Path) -> None:
    left = fail(tmp_path / "ann")
    assert left.parent == tmp_path / "ann" / ".training"
    with resumable(tmp_path / "ann", RECIPE) as folder:
        assert folder == left
        assert (folder / "state").exists()


def test_a_run_that_ended_leaves_nothing(tmp_path: Path) -> None:
    fail(tmp_path / "ann")
    with resumable(tmp_path / "ann", RECIPE):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_failed_at_once_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), resumable(tmp_path / "ann", RECIPE):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_a_run_stopped_while_it_wrote_its_first_file_leaves_nothing(tmp_path: Path) -> None:
    with suppress(KeyboardInterrupt), resumable(tmp_path / "ann", RECIPE) as folder:
        (folder / "draft.npz").touch()
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_what_others_left_stays(tmp_path: Path) -> None:
    left = fail(tmp_path / "ann")
    (tmp_path / "ann" / "1").mkdir()
    folder_of(tmp_path / "ann", replace(RECIPE, seed=1))
    assert (left / "state").exists()
    assert (tmp_path / "ann" / "1").is_dir()


def test_another_recipe_network_or_teacher_starts_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = {
        folder_of(tmp_path),
        folder_of(tmp_path, replace(RECIPE, seed=1)),
        folder_of(tmp_path, replace(RECIPE, epochs=151)),
        folder_of(tmp_path, replace(RECIPE, train_images=60_000)),
        folder_of(tmp_path, RECIPE, TEACHER),
        folder_of(tmp_path, RECIPE, replace(TEACHER, version=2)),
    }
    assert len(folders) == 6
    layer = layers.Dense(10, activation="softmax", kernel_initializer="zeros")
    monkeypatch.setitem(ARCHITECTURES, "small", lambda: keras.Sequential([keras.Input((28, 28, 1)), layers.Flatten(), layer], name="small"))
    assert folder_of(tmp_path) not in folders


def test_so_does_another_way_to_train_the_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = Recipe("ann", reparameterized=True)
    before = folder_of(tmp_path, recipe)
    monkeypatch.setattr(reparameterization, "MOMENTUM", 0.9)
    assert folder_of(tmp_path, recipe) != before


def test_a_network_that_cannot_be_reparameterized_is_refused_before_its_teacher_is_asked(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="can't be reparameterized"):
        folder_of(tmp_path / "resnet", Recipe("resnet", reparameterized=True))
    assert list(tmp_path.iterdir()) == []


def test_the_same_run_has_the_same_folder_whatever_was_trained_before(tmp_path: Path) -> None:
    first = folder_of(tmp_path, RECIPE, TEACHER)
    ARCHITECTURES["ann"]()  # Keras numbers the names of layers through
    assert folder_of(tmp_path, RECIPE, replace(TEACHER, folder=Path("elsewhere"))) == first


def test_the_same_run_twice_at_once_is_refused(tmp_path: Path) -> None:
    with resumable(tmp_path / "ann", RECIPE) as folder:
        (folder / "state").touch()
        with (
            pytest.raises(TrainingError, match=f"another process is training {tmp_path / 'ann'} by the same recipe: wait") as caught,
            resumable(tmp_path / "ann", RECIPE),
        ):
            pass
        assert caught.value.exit_status == 2
        assert (folder / "state").exists()
        with resumable(tmp_path / "ann", replace(RECIPE, seed=1)):  # another one may
            pass
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "ann").touch()
    with (
        pytest.raises(TrainingError, match=r"can't write to .*/ann/\.training/[0-9a-f]{16} \(Not a directory\)"),
        resumable(tmp_path / "ann", RECIPE),
    ):
        pass


def variables(folder: Path) -> str:
    (file,) = (folder / "variables").glob("variables.data-*")
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_a_command_that_was_killed_continues_and_publishes_the_same_weights(
    tmp_path: Path, dataset: Dataset, capfd: pytest.CaptureFixture[str]
) -> None:
    """By SIGKILL in the middle of an epoch; while it lived, the same command was refused."""
    models = tmp_path / "models"
    command = f"train ann --recipe paper --limit 1500 --epochs 12 --output {models}".split()
    with subprocess.Popen([*TRAINING, *command], cwd=REPOSITORY, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            assert any("epoch 3/12" in line for line in process.stdout)
            process.send_signal(signal.SIGSTOP)
            assert main(command) == 2
            assert "another process is training" in capfd.readouterr().err
        finally:
            process.kill()
    (backup,) = (models / "ann" / ".training").iterdir()
    done = max(int(file.stem.partition("-")[2]) for file in backup.glob("epoch-*.npz"))
    assert 2 <= done < 12

    assert main(command) == 0
    epochs = [int(number) for number in re.findall(r"ann: epoch (\d+)/12 ", capfd.readouterr().out)]
    assert epochs == list(range(done + 1, 13))
    assert os.listdir(models / "ann") == ["1"]  # noqa: PTH208  # hidden ones too
    recipe = replace(PAPER_RECIPES["ann"], epochs=12)
    fitted = fit(recipe, dataset.limited(1500), [], tmp_path / "backup")
    export(fitted.model, tmp_path / "whole")
    assert variables(models / "ann" / "1") == variables(tmp_path / "whole")
