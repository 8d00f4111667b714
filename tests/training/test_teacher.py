"""The teacher: the newest published version, asked once for every view of every image that is fitted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
import pytest

from training.architectures import ARCHITECTURES
from training.augmentation import Views
from training.data import Dataset
from training.errors import TrainingError
from training.publish import Publication
from training.recipes import Recipe
from training.savedmodel import export, predict
from training.teacher import Teacher, teacher

RECIPE = Recipe("cnn", teacher="ann", flip=True, shift=1, validation_fraction=0.25)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two versions of an untrained network."""
    folder = tmp_path_factory.mktemp("models")
    for seed in (1, 2):
        keras.utils.set_random_seed(seed)
        with Publication(folder, "ann") as draft:
            export(ARCHITECTURES["ann"](), draft.folder)
            draft.publish()
    return folder


@pytest.fixture(scope="module")
def few(dataset: Dataset) -> Dataset:
    return dataset.limited(40)


@pytest.fixture(scope="module")
def asked(models: Path, few: Dataset, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, npt.NDArray[np.float16]]:
    """The cache, and the logits."""
    cache = tmp_path_factory.mktemp("cache")
    found = teacher(RECIPE, models)
    assert found
    return cache, found.logits(RECIPE, few, cache)


def test_the_newest_version_teaches(models: Path) -> None:
    assert teacher(RECIPE, models) == Teacher("ann", 2, models / "ann" / "2")


def test_a_recipe_without_a_teacher_has_none(models: Path) -> None:
    assert teacher(replace(RECIPE, teacher=None), models) is None


def test_a_teacher_that_is_not_published_is_asked_for(models: Path) -> None:
    with pytest.raises(
        TrainingError, match=f"cnn learns from the resnet, which {models} does not hold: run .* train resnet --output"
    ) as caught:
        teacher(replace(RECIPE, teacher="resnet"), models)
    assert caught.value.exit_status == 2


def test_a_damaged_teacher_is_not_asked(tmp_path: Path) -> None:
    with Publication(tmp_path, "ann") as draft:
        (draft.folder / "saved_model.pb").write_text("whole")
        folder = draft.publish()
    (folder / "saved_model.pb").write_text("half")
    with pytest.raises(TrainingError, match="is not what was published"):
        teacher(RECIPE, tmp_path)


def test_its_logits_are_those_of_every_view_of_the_fitted_images(
    models: Path, few: Dataset, asked: tuple[Path, npt.NDArray[np.float16]]
) -> None:
    _, logits = asked
    assert logits.shape == (18, 30, 10)
    assert logits.dtype == np.float16
    views = Views(flip=True, shift=1)
    for view in (0, 7, 17):
        shown = views.of(few.train_images[:30], np.full(30, view))
        np.testing.assert_allclose(logits[view], predict(models / "ann" / "2", shown).logits, rtol=1e-3, atol=1e-3)
    assert not np.allclose(logits[0], logits[7], atol=1e-2)


def test_they_are_found_again_without_asking(few: Dataset, asked: tuple[Path, npt.NDArray[np.float16]]) -> None:
    cache, logits = asked
    gone = Teacher("ann", 2, Path("nowhere"))
    np.testing.assert_array_equal(gone.logits(RECIPE, few, cache), logits)
    assert [path.name for path in cache.iterdir()] == ["teacher.npy"]
