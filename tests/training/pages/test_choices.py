"""A recipe in words: nothing that differs from the paper's goes unsaid, nothing else is called a difference."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from tests.training.conftest import REPOSITORY
from training.pages.choices import against_paper, choices
from training.recipes import PAPER_RECIPES, RECIPES, Recipe, recipe_of


@pytest.mark.parametrize("name", PAPER_RECIPES)
def test_the_papers_own_recipe_differs_in_nothing(name: str) -> None:
    differing, unchanged = against_paper(PAPER_RECIPES[name], None)
    assert differing == []
    assert unchanged == choices(Recipe(name))


CHANGES: dict[str, Any] = {
    "optimizer": ("adamw", "Optimiser", "AdamW"),
    "learning_rate": (0.002, "Learning rate", "0.002, constant"),
    "schedule": ("one-cycle", "Learning rate", "rises to 0.001 over the first 10% of the batches, then falls to 0 along a cosine"),
    "weight_decay": (0.05, "Weight decay", "0.05, of kernels only"),
    "weight_average": (0.999, "Weights kept", "a moving average over the batches (momentum 0.999), as of the last epoch"),
    "loss": ("hinge", "Loss", "hinge"),
    "batch_size": (128, "Batch size", "128"),
    "epochs": (75, "Epochs", "at most 75, ended when the validation loss has not fallen by more than 0.0001 for 20 in a row"),
    "validation_fraction": (5000 / 60_000, "Held out", "the last 8.33% of the training images"),
    "early_stopping_min_delta": (
        0.01,
        "Epochs",
        "at most 150, ended when the validation loss has not fallen by more than 0.01 for 20 in a row",
    ),
    "early_stopping_patience": (None, "Epochs", "150, all of them run"),
    "dropout_scale": (0.4, "Dropout rates", "the architecture's, times 0.4"),
    "reparameterized": (
        True,
        "Hidden layers",
        "normalised over the batch while they learn, and adding what they read where it is as wide; "
        "both folded into their kernels and biases",
    ),
    "flip": (True, "Images varied", "every other one mirrored"),
    "shift": (1, "Images varied", "moved by up to 1 pixel each way"),
    "erase": (8, "Images varied", "a square of 8 × 8 pixels blanked out"),
    "teacher": (
        "resnet",
        "Loss",
        "0.1 parts cross-entropy with the labels, 0.9 parts with the answers of RESNET version 7, "
        "its own and the teacher's softened at temperature 4 (distillation)",
    ),
    "blends": (
        12,
        "Loss",
        "0.1 parts cross-entropy with the labels, 0.9 parts with the answers of RESNET version 7, its own and the teacher's softened at "
        "temperature 4 (distillation); two of three images are one of 12 blends with another, the teacher's answer to it included",
    ),
    "mirrored": (True, "Answers", "the mean of the logits of the image and of its mirror image"),
    "calibrated": (True, "Logits", "divided by a temperature in the published graph"),
    "train_images": (1500, "Training images", "only the first 1,500"),
}
NEEDED: dict[str, dict[str, Any]] = {"weight_average": {"early_stopping_patience": None}, "blends": {"teacher": "resnet"}}
"""What a recipe must state beside a choice."""


@pytest.mark.parametrize("field", CHANGES)
def test_a_changed_choice_is_said_beside_the_papers(field: str) -> None:
    value, choice, words = CHANGES[field]
    changes = {field: value} | NEEDED.get(field, {})
    differing, unchanged = against_paper(dataclasses.replace(PAPER_RECIPES["ann"], **changes), {"name": "resnet", "version": 7})
    row = next(row for row in differing if row["choice"] == choice)
    assert (row["here"], row["paper"]) == (words, choices(Recipe("ann"))[choice])
    assert choice not in unchanged


def test_every_field_that_changes_the_weights_is_said() -> None:
    silent = {"architecture", "seed", "steps_per_execution", "trial", "warmup_fraction", "teacher_weight", "teacher_temperature"}
    assert {field.name for field in dataclasses.fields(Recipe)} == CHANGES.keys() | silent
    one_cycle = Recipe("ann", schedule="one-cycle", teacher="resnet")
    for changed in (
        dataclasses.replace(one_cycle, warmup_fraction=0.3),
        dataclasses.replace(one_cycle, teacher_weight=0.5),
        dataclasses.replace(one_cycle, teacher_temperature=2.0),
    ):
        assert choices(changed) != choices(one_cycle)


def test_without_early_stopping_no_epoch_is_called_best() -> None:
    assert choices(Recipe("ann"))["Weights kept"] == "the best epoch's, by validation loss"
    assert choices(RECIPES["resnet"])["Weights kept"] == "the last epoch's"


def test_the_weights_are_those_of_the_labels_and_the_teacher() -> None:
    words = choices(Recipe("ann", teacher="resnet", teacher_weight=0.75))["Loss"]
    assert words.startswith("0.25 parts cross-entropy with the labels, 0.75 parts with the answers of RESNET,")


def test_an_older_card_has_the_papers_value_where_it_lacks_a_field_and_a_newer_one_may_have_more() -> None:
    stored = json.loads((REPOSITORY / "models" / "cnn" / "1" / "card.json").read_text(encoding="utf-8"))
    assert recipe_of({"recipe": stored["recipe"] | {"later": 1}}) == PAPER_RECIPES["cnn"]
