"""What a page says in words follows from the figures."""

from __future__ import annotations

from typing import Any

import pytest

from training.architectures import ARCHITECTURES
from training.card import layer
from training.pages.findings import costliest, findings, kind, overconfidence, place


def three_classes(matrix: list[list[int]]) -> dict[str, Any]:
    return {"confusion_matrix": matrix, "per_class": {"A": {"f1": 0.7}, "B": {"f1": 0.9}, "C": {"f1": 0.6}}}


def test_findings_name_the_extremes() -> None:
    assert findings(three_classes([[9, 1, 0], [0, 8, 2], [0, 5, 5]])) == {
        "strongest": "B",
        "weakest": "C",
        "confused": {"true": "C", "predicted": "B", "images": 5, "back": 2},
    }


def test_a_faultless_model_confuses_nothing() -> None:
    assert findings(three_classes([[9, 0, 0], [0, 8, 0], [0, 0, 5]]))["confused"] is None


@pytest.mark.parametrize(
    ("name", "words"),
    [("ann", "fully connected network"), ("cnn", "convolutional network"), ("resnet", "residual convolutional network")],
)
def test_the_sort_of_network_is_told_from_its_layers(name: str, words: str) -> None:
    assert kind([layer(each) for each in ARCHITECTURES[name]().layers]) == words


def test_overconfidence_weighs_the_bins_by_their_images() -> None:
    bins = [{"confidence": 0.5, "accuracy": 0.3, "images": 1}, {"confidence": 0.9, "accuracy": 0.9, "images": 3}]
    assert overconfidence(bins) == pytest.approx({"confidence": 0.8, "accuracy": 0.75, "difference": 0.05})


def test_the_costliest_damage_is_that_of_the_middle_severity() -> None:
    def rows(*accuracies: float) -> dict[str, Any]:
        return {"severities": [{"severity": number, "accuracy": accuracy} for number, accuracy in enumerate(accuracies, 1)]}

    corruptions = {"noise": rows(0.9, 0.8, 0.7, 0.2, 0.1), "blur": rows(0.8, 0.7, 0.6, 0.5, 0.4)}
    assert costliest({"corruptions": corruptions}) == {"name": "blur", "severity": 3, "accuracy": 0.6}


@pytest.mark.parametrize(("value", "where"), [(0.89, "below"), (0.9, "within"), (0.92, "within"), (0.921, "above")])
def test_a_figure_lies_below_within_or_above_an_interval(value: float, where: str) -> None:
    assert place(value, {"value": 0.91, "low": 0.9, "high": 0.92}) == where
