"""The paper's figures, copied by hand, agree with each other as figures of one evaluation must."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from training.architectures import ARCHITECTURES
from training.data import LABELS
from training.paper import PAPER

HALF = 0.005
"""What two printed digits leave open."""


@pytest.fixture(params=["ann", "cnn"])
def paper(request: pytest.FixtureRequest) -> dict[str, Any]:
    figures: dict[str, Any] = PAPER[request.param]
    return figures


def test_both_models_are_in_the_paper() -> None:
    assert {name: figures["parameters"] for name, figures in PAPER.items()} == {
        name: ARCHITECTURES[name]().count_params() for name in ("ann", "cnn")
    }


def test_counts_agree_with_each_other_and_with_the_accuracy(paper: dict[str, Any]) -> None:
    test = paper["test"]
    assert test["correct"] + test["incorrect"] == 10_000
    assert round(test["accuracy"], 4) == test["correct"] / 10_000


def test_training_figures_are_the_better_ones(paper: dict[str, Any]) -> None:
    assert paper["train"]["accuracy"] > paper["test"]["accuracy"]
    assert 0 < paper["train"]["loss"] < paper["test"]["loss"]


def test_every_class_has_1000_images(paper: dict[str, Any]) -> None:
    assert {label: row["support"] for label, row in paper["test"]["per_class"].items()} == dict.fromkeys(LABELS, 1000)


@pytest.mark.parametrize("label", LABELS)
def test_f1_follows_from_precision_and_recall(paper: dict[str, Any], label: str) -> None:
    row = paper["test"]["per_class"][label]
    corners = [2 * p * r / (p + r) for p, r in product(*((row[figure] - HALF, row[figure] + HALF) for figure in ("precision", "recall")))]
    assert min(corners) - HALF <= row["f1"] <= max(corners) + HALF


@pytest.mark.parametrize("figure", ["precision", "recall", "f1"])
def test_averages_follow_from_the_classes(paper: dict[str, Any], figure: str) -> None:
    mean = sum(row[figure] for row in paper["test"]["per_class"].values()) / len(LABELS)
    for average in ("macro_avg", "weighted_avg"):  # the same where every class has as many images
        assert paper["test"][average][figure] == pytest.approx(mean, abs=2 * HALF)


def test_mean_recall_is_the_accuracy(paper: dict[str, Any]) -> None:
    mean = sum(row["recall"] for row in paper["test"]["per_class"].values()) / len(LABELS)
    assert mean == pytest.approx(paper["test"]["accuracy"], abs=HALF)
