"""The recipes: the paper's choices (its chapters 1.4, 2.1, 2.4, 3.4), and an answer to a wrong name."""

from __future__ import annotations

import pytest

from training.architectures import ARCHITECTURES
from training.errors import TrainingError
from training.recipes import RECIPES, recipe_named


@pytest.mark.parametrize("name", ["ann", "cnn"])
def test_the_recipe_is_the_papers(name: str) -> None:
    recipe = recipe_named(name)
    assert recipe.architecture == name
    assert (recipe.optimizer, recipe.learning_rate) == ("adam", 0.001)  # Keras's default rate
    assert recipe.loss == "sparse_categorical_crossentropy"
    assert (recipe.batch_size, recipe.epochs, recipe.validation_fraction) == (200, 150, 0.3)
    assert (recipe.early_stopping_min_delta, recipe.early_stopping_patience) == (0.0001, 20)
    assert recipe.train_images is None


def test_every_recipe_is_for_a_network_that_exists() -> None:
    assert {recipe.architecture for recipe in RECIPES.values()} <= ARCHITECTURES.keys()


@pytest.mark.parametrize("name", ["", "rnn", "CNN", "../cnn"])
def test_a_wrong_name_is_answered_with_the_right_ones(name: str) -> None:
    with pytest.raises(TrainingError, match=f"choose one of {', '.join(RECIPES)}, or all") as caught:
        recipe_named(name)
    assert caught.value.exit_status == 2
    assert repr(name) in str(caught.value)
