"""The recipes: the paper's choices (its chapters 1.4, 2.1, 2.4, 3.4), what others state beside them, and an answer to a wrong name."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import replace

import pytest

from tests.training.conftest import REPOSITORY
from training.architectures import ARCHITECTURES
from training.errors import TrainingError
from training.recipes import CALIBRATION_IMAGES, PAPER_RECIPES, RECIPES, Recipe, recipe_named, recipe_of

EVERY_RECIPE = [*PAPER_RECIPES.items(), *RECIPES.items()]


@pytest.mark.parametrize("name", ["ann", "cnn"])
def test_the_papers_recipe_is_the_papers(name: str) -> None:
    recipe = recipe_named(name, PAPER_RECIPES)
    assert recipe.architecture == name
    assert (recipe.optimizer, recipe.learning_rate) == ("adam", 0.001)  # Keras's default rate
    assert recipe.loss == "sparse_categorical_crossentropy"
    assert (recipe.batch_size, recipe.epochs, recipe.validation_fraction) == (200, 150, 0.3)
    assert (recipe.early_stopping_min_delta, recipe.early_stopping_patience) == (0.0001, 20)
    assert (recipe.schedule, recipe.weight_decay, recipe.weight_average) == ("constant", None, None)
    assert (recipe.augmented, recipe.teacher, recipe.dropout_scale) == (False, None, 1.0)
    assert (recipe.mirrored, recipe.calibrated) == (False, False)
    assert (recipe.seed, recipe.train_images, recipe.trial) == (0, None, False)
    assert recipe.differences.keys() <= {"steps_per_execution"}  # speed only


@pytest.mark.parametrize("name", ["ann", "cnn"])
def test_the_papers_recipe_is_that_of_the_published_version_1(name: str) -> None:
    """Whose card is older than the fields that it lacks."""
    card = json.loads((REPOSITORY / "models" / name / "1" / "card.json").read_text(encoding="utf-8"))
    recipe = dataclasses.asdict(PAPER_RECIPES[name])
    assert card["recipe"].items() <= recipe.items()


@pytest.mark.parametrize(("name", "recipe"), EVERY_RECIPE)
def test_every_recipe_is_for_a_network_and_of_a_teacher_that_exist(name: str, recipe: Recipe) -> None:
    assert recipe.architecture in ARCHITECTURES
    assert recipe.teacher in {None, *RECIPES.keys() - {name}}
    assert not recipe.trial
    assert recipe.train_images is None


def test_a_teacher_comes_before_its_students() -> None:
    """`train all` takes them in this order."""
    names = list(RECIPES)
    assert all(recipe.teacher is None or recipe.teacher in names[: names.index(name)] for name, recipe in RECIPES.items())


@pytest.mark.parametrize(("name", "recipe"), EVERY_RECIPE)
def test_no_recipe_learns_from_the_calibration_images(name: str, recipe: Recipe) -> None:
    assert recipe.calibration(60_000) == slice(60_000 - CALIBRATION_IMAGES, 60_000), name
    assert recipe.fitted(60_000).stop <= recipe.calibration(60_000).start


@pytest.mark.parametrize("images", [2, 3, 600, 60_000])
@pytest.mark.parametrize("recipe", [Recipe("ann"), Recipe("ann", validation_fraction=5000 / 60_000)], ids=["paper", "best"])
def test_every_image_is_fitted_or_held_out_and_calibration_images_are_held_out(recipe: Recipe, images: int) -> None:
    every = range(images)
    fitted, calibration = every[recipe.fitted(images)], every[recipe.calibration(images)]
    held_out = every[len(fitted) :]
    assert len(fitted) >= 1
    assert len(held_out) >= 1
    assert abs(images * recipe.validation_fraction - len(held_out)) < 1
    assert calibration == held_out[-5000:]


def test_what_shows_an_image_differently_each_time_is_augmentation() -> None:
    assert not Recipe("ann", weight_average=0.9, early_stopping_patience=None).augmented
    for changes in ({"flip": True}, {"shift": 1}, {"erase": 2}):
        assert replace(Recipe("ann"), **changes).augmented


def test_differences_are_what_the_papers_recipe_does_not_say() -> None:
    assert Recipe("cnn", seed=3).differences == {}
    assert Recipe("cnn", batch_size=200, flip=True, early_stopping_patience=None).differences == {
        "flip": True,
        "early_stopping_patience": None,
    }


def test_averaged_weights_and_early_stopping_exclude_each_other() -> None:
    """Keras restores the best epoch's weights after it has put the averaged ones in place."""
    with pytest.raises(ValueError, match="early stopping would put the best epoch's own weights in the place of the averaged ones"):
        Recipe("ann", weight_average=0.99)


def test_blends_need_a_teacher() -> None:
    with pytest.raises(ValueError, match="blends are for a teacher to answer"):
        Recipe("ann", blends=1)


@pytest.mark.parametrize("name", ["", "rnn", "CNN", "../cnn"])
def test_a_wrong_name_is_answered_with_the_right_ones(name: str) -> None:
    with pytest.raises(TrainingError, match=f"choose one of {', '.join(RECIPES)}, or all") as caught:
        recipe_named(name)
    assert caught.value.exit_status == 2
    assert repr(name) in str(caught.value)


def test_the_paper_has_no_resnet() -> None:
    with pytest.raises(TrainingError, match="choose one of ann, cnn, or all"):
        recipe_named("resnet", PAPER_RECIPES)


def test_a_card_may_state_what_no_recipe_has_any_more() -> None:
    assert recipe_of({"recipe": {**dataclasses.asdict(RECIPES["cnn"]), "given_up": 3}}) == RECIPES["cnn"]
