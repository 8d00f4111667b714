"""The ablation: a ladder from the paper's recipe to the best, judged on images that nothing else uses."""

from __future__ import annotations

import dataclasses
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from sklearn.metrics import accuracy_score, log_loss

from training import ablation as module
from training.ablation import ABLATION, HELD_OUT, INGREDIENTS, LONGER, ablate, climbed, ladder, validation_images
from training.architectures import scaled
from training.data import Dataset
from training.fit import fit
from training.recipes import PAPER_RECIPES, RECIPES, Recipe
from training.runs import add, rows
from training.study import stated

BEST = Recipe(
    "cnn",
    optimizer="adamw",
    learning_rate=0.002,
    schedule="one-cycle",
    weight_decay=0.01,
    weight_average=0.999,
    epochs=60,
    validation_fraction=1 / 12,
    early_stopping_patience=None,
    dropout_scale=0.4,
    reparameterized=True,
    flip=True,
    shift=1,
    teacher="resnet",
    blends=3,
    mirrored=True,
    calibrated=True,
    seed=4,
    steps_per_execution=35,
)
"""With every ingredient."""
TRIAL = Recipe("ann", epochs=1, train_images=300, flip=True, trial=True)


@pytest.fixture(scope="module")
def few(dataset: Dataset) -> Dataset:
    return dataset.limited(300)


@pytest.mark.parametrize("best", [*RECIPES.values(), *PAPER_RECIPES.values(), BEST])
def test_the_ladder_leads_from_the_papers_recipe_to_the_best(best: Recipe) -> None:
    """But for the images held out, and for the temperature, which changes no answer."""
    rungs = list(ladder(best).values())
    speed = best.steps_per_execution
    assert rungs[0] == Recipe(best.architecture, validation_fraction=HELD_OUT, seed=best.seed, steps_per_execution=speed)
    assert rungs[-1] == replace(best, validation_fraction=HELD_OUT, calibrated=False)
    assert len(set(rungs)) == len(rungs)


def test_each_rung_adds_one_ingredient() -> None:
    rungs = ladder(BEST)
    assert list(rungs) == ["the paper's recipe", *INGREDIENTS, LONGER]
    for (_, before), (name, after) in zip(list(rungs.items())[:-1], list(rungs.items())[1:], strict=True):
        changed = {field for field, value in dataclasses.asdict(after).items() if value != getattr(before, field)}
        assert changed
        assert changed <= ({"epochs"} if name == LONGER else set(INGREDIENTS[name]))


def test_all_but_the_first_and_the_last_rung_run_a_quarter_of_the_epochs() -> None:
    assert [rung.epochs for rung in ladder(BEST).values()] == [150, *[15] * len(INGREDIENTS), 60]
    assert [rung.epochs for rung in ladder(replace(BEST, epochs=61)).values()] == [150, *[16] * len(INGREDIENTS), 61]


def test_a_recipe_that_stops_early_has_no_shorter_rungs() -> None:
    rungs = ladder(Recipe("ann", epochs=30, flip=True))
    assert {name: rung.epochs for name, rung in rungs.items()} == {
        "the paper's recipe": 150,
        "a one-cycle rate": 30,
        "flips, shifts and erasing": 30,
    }


def test_an_ingredient_that_the_best_recipe_lacks_is_left_out() -> None:
    assert list(ladder(replace(BEST, teacher=None, blends=0, dropout_scale=1.0, reparameterized=False, mirrored=False))) == [
        "the paper's recipe",
        "a one-cycle rate",
        "flips, shifts and erasing",
        "averaged weights",
        LONGER,
    ]
    assert list(ladder(PAPER_RECIPES["cnn"])) == ["the paper's recipe"]


def test_a_trial_cuts_every_rung_short() -> None:
    rungs = ladder(replace(BEST, epochs=3, train_images=500, trial=True))
    assert [rung.epochs for rung in rungs.values()] == [3, *[1] * len(INGREDIENTS), 3]
    assert {(rung.train_images, rung.trial) for rung in rungs.values()} == {(500, True)}


def test_validation_images_are_fitted_by_no_rung_and_calibrate_nothing(dataset: Dataset) -> None:
    images = len(dataset.train_images)
    for rung in ladder(BEST).values():
        chosen = range(images)[validation_images(rung, dataset)]
        assert (chosen[0], chosen[-1]) == (50_000, 54_999)
        assert rung.fitted(images) == slice(50_000)
    for recipe in (BEST, RECIPES["resnet"], *ladder(BEST).values()):
        assert chosen[-1] < recipe.calibration(images).start


@pytest.mark.parametrize("images", [2, 3, 300])
def test_a_trial_has_validation_images_too(images: int, dataset: Dataset) -> None:
    recipe = next(iter(ladder(TRIAL).values()))
    chosen = range(images)[validation_images(recipe, dataset.limited(images))]
    assert len(chosen) >= 1
    assert chosen[0] == recipe.fitted(images).stop


@pytest.fixture(scope="module")
def ablated(few: Dataset, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    models = tmp_path_factory.mktemp("models")
    return models, ablate("ann", TRIAL, few, models, Console(file=io.StringIO()))


def test_each_rung_has_a_row_with_its_figures_on_the_validation_images(
    ablated: tuple[Path, list[dict[str, Any]]], few: Dataset, tmp_path: Path
) -> None:
    models, found = ablated
    assert rows(models / ABLATION) == found
    assert [row["ingredient"] for row in found] == ["the paper's recipe", "flips, shifts and erasing"]
    recipe = list(ladder(TRIAL).values())[1]
    fitted = fit(recipe, few, [], tmp_path)
    images, labels = few.train_images[250:275], few.train_labels[250:275]
    probabilities = fitted.model.predict(np.asarray(scaled(images)), verbose=0).astype(np.float64)
    assert found[1]["validation"] == {
        "images": 25,
        "accuracy": pytest.approx(accuracy_score(labels, probabilities.argmax(axis=1)), abs=1e-6),
        "loss": pytest.approx(log_loss(labels, probabilities / probabilities.sum(axis=1, keepdims=True), labels=list(range(10))), abs=1e-4),
    }
    assert found[0]["validation"]["loss"] != found[1]["validation"]["loss"]
    assert found[1]["recipe"] == {"epochs": 1, "train_images": 300, "flip": True, "trial": True, "validation_fraction": HELD_OUT}
    assert (found[1]["model"], found[1]["seed"], found[1]["epochs_run"]) == ("ann", 0, 1)
    assert [each.name for each in models.iterdir()] == [ABLATION]


def test_a_stored_rung_is_not_trained_again(
    ablated: tuple[Path, list[dict[str, Any]]], few: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one that the ladders of two recipes share."""
    models, found = ablated

    def fail(*_: object) -> Any:
        raise AssertionError("it would have trained")

    console = Console(file=io.StringIO())
    monkeypatch.setattr(module, "trained", fail)
    assert ablate("ann", TRIAL, few, models, console) == found
    assert ablate("ann", replace(TRIAL, flip=False), few, models, console) == found[:1]
    with pytest.raises(AssertionError, match="would have trained"):
        ablate("ann", replace(TRIAL, seed=1), few, models, console)


def test_only_rows_of_the_present_ladder_are_read_back_in_its_order(tmp_path: Path) -> None:
    rungs = list(ladder(BEST).items())
    for ingredient, recipe in [*reversed(rungs), ("another", replace(rungs[1][1], learning_rate=0.5))]:
        add(tmp_path / ABLATION, {"model": "cnn", "ingredient": ingredient, "recipe": stated(recipe), "seed": recipe.seed})
    assert [row["ingredient"] for row in climbed("cnn", BEST, tmp_path)] == [ingredient for ingredient, _ in rungs]
    assert climbed("ann", BEST, tmp_path) == []
