"""The teacher: the newest published version, asked once for every view of every training image."""

from __future__ import annotations

import dataclasses
import io
import shutil
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
import pytest
from rich.console import Console

from training.architectures import ARCHITECTURES
from training.data import Dataset
from training.errors import TrainingError
from training.publish import Publication, write_json
from training.recipes import Recipe
from training.savedmodel import export, predict
from training.teacher import Teacher, teacher
from training.views import Views

RECIPE = Recipe("cnn", teacher="ann", flip=True, shift=1)
VIEWS = Views(flip=True, shift=1)
QUIET = Console(file=io.StringIO())


def publish(models: Path, mirrored: bool, seed: int) -> Path:
    """An untrained network."""
    keras.utils.set_random_seed(seed)
    with Publication(models, "ann") as draft:
        export(ARCHITECTURES["ann"](), draft.folder, mirrored=mirrored)
        write_json(draft.folder / "card.json", {"recipe": dataclasses.asdict(Recipe("ann", mirrored=mirrored))})
        return draft.publish()


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two versions."""
    folder = tmp_path_factory.mktemp("models")
    for seed in (1, 2):
        publish(folder, False, seed)
    return folder


@pytest.fixture(scope="module")
def few(dataset: Dataset) -> npt.NDArray[np.uint8]:
    return dataset.train_images[:30]


@pytest.fixture(scope="module")
def asked(models: Path, few: npt.NDArray[np.uint8]) -> npt.NDArray[np.float16]:
    """The newest version's answers."""
    found = teacher(RECIPE, models)
    assert found
    return found.logits(VIEWS, few, QUIET)


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


def test_its_logits_are_those_of_every_view(models: Path, few: npt.NDArray[np.uint8], asked: npt.NDArray[np.float16]) -> None:
    assert asked.shape == (18, 30, 10)
    assert asked.dtype == np.float16
    for view in (0, 7, 17):
        shown = VIEWS.of(few, np.full(30, view))
        np.testing.assert_allclose(asked[view], predict(models / "ann" / "2", shown).logits, rtol=1e-3, atol=1e-3)
    assert not np.allclose(asked[0], asked[7], atol=1e-2)
    assert not np.allclose(asked[0], asked[9], atol=1e-2)


def test_a_mirrored_one_is_not_asked_for_the_mirror_images(
    tmp_path: Path, few: npt.NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = publish(tmp_path, True, 3)
    found = teacher(RECIPE, tmp_path)
    assert found
    shown = []
    of = Views.of

    def watched(self: Views, images: npt.NDArray[np.uint8], chosen: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
        shown.append(int(chosen[0]))
        return of(self, images, chosen)

    monkeypatch.setattr(Views, "of", watched)
    answers = found.logits(VIEWS, few, QUIET)
    assert shown == list(range(9))
    assert answers.shape == (18, 30, 10)
    for view in (3, 12, 17):
        np.testing.assert_allclose(answers[view], predict(folder, of(VIEWS, few, np.full(30, view))).logits, rtol=1e-3, atol=1e-3)


def test_they_are_found_again_without_asking(
    models: Path, few: npt.NDArray[np.uint8], asked: npt.NDArray[np.float16], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.teacher.SavedModel", None)
    again = Teacher("ann", 2, models / "ann" / "2")
    np.testing.assert_array_equal(again.logits(VIEWS, few, QUIET), asked)
    assert len(list((models / "ann" / ".training").iterdir())) == 1


def test_another_graph_under_the_same_number_is_asked_anew(
    models: Path, few: npt.NDArray[np.uint8], asked: npt.NDArray[np.float16], tmp_path: Path
) -> None:
    shutil.copytree(models / "ann", tmp_path / "ann")
    shutil.rmtree(tmp_path / "ann" / "2")
    folder = publish(tmp_path, False, 4)
    assert not np.allclose(Teacher("ann", 2, folder).logits(VIEWS, few, QUIET), asked, atol=1e-2)


def test_other_images_are_asked_anew(models: Path, few: npt.NDArray[np.uint8], asked: npt.NDArray[np.float16]) -> None:
    again = Teacher("ann", 2, models / "ann" / "2").logits(VIEWS, few[::-1], QUIET)
    np.testing.assert_allclose(again[:, ::-1], asked, rtol=1e-2, atol=1e-2)


def test_a_folder_that_cant_be_written_to_is_an_answer(models: Path, few: npt.NDArray[np.uint8], tmp_path: Path) -> None:
    shutil.copytree(models / "ann" / "2", tmp_path / "ann" / "2")
    (tmp_path / "ann" / ".training").write_text("a file in the folder's place")
    with pytest.raises(TrainingError, match="can't write to"):
        Teacher("ann", 2, tmp_path / "ann" / "2").logits(VIEWS, few, QUIET)
