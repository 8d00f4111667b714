"""The rows of the comparison page: every version once, the best marked, changes counted from the right row."""

from __future__ import annotations

from typing import Any

import pytest

from training.pages.standings import best, damaged, label, ranked, rungs, versions


def report(name: str, version: int, accuracy: float, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "version": version,
        "parameters": 7,
        "test": {"accuracy": accuracy, "loss": 0.3, "macro_avg": {"f1": 0.8}},
        **more,
    }


def calibration(in_graph: bool) -> dict[str, Any]:
    return {"in_graph": in_graph, "before": {"ece": 0.02}, "after": {"ece": 0.01}}


COMPARISON: dict[str, Any] = {
    "models": {"b": {"version": 2}, "a": {"version": 3}},
    "earlier": {"a": [report("a", 1, 0.7), report("a", 2, 0.95)]},
}


def test_a_version_is_named_by_its_model_and_number() -> None:
    assert label({"name": "cnn", "version": 2}) == "CNN 2"


def test_the_compared_reports_stand_in_the_comparisons_order() -> None:
    reports = [report("a", 3, 0.8), report("b", 2, 0.9), report("a", 2, 0.95)]
    assert ranked(COMPARISON, reports) == [reports[1], reports[0]]


def test_every_version_has_one_row_the_most_accurate_first() -> None:
    rows = versions(COMPARISON, [report("a", 3, 0.8), report("b", 2, 0.9), report("a", 2, 0.95, robustness={"mean_accuracy": 0.6})])
    assert [(row["label"], row["accuracy"]) for row in rows] == [("A 2", 0.95), ("B 2", 0.9), ("A 3", 0.8), ("A 1", 0.7)]
    assert [row["corrupted"] for row in rows] == [0.6, None, None, None], "a report says more than the comparison's row"


def test_a_comparison_without_earlier_versions_has_the_reports_alone() -> None:
    assert [row["label"] for row in versions({"models": {"a": {"version": 3}}}, [report("a", 3, 0.8)])] == ["A 3"]


@pytest.mark.parametrize(("in_graph", "served"), [(True, 0.01), (False, 0.02)])
def test_the_calibration_error_is_that_of_the_served_probabilities(in_graph: bool, served: float) -> None:
    (row,) = versions({"models": {}}, [report("a", 1, 0.9, calibration=calibration(in_graph))])
    assert (row["ece"], row["ece_before"], row["ece_after"]) == (served, 0.02, 0.01)


def test_what_looks_equal_on_the_page_is_equally_good() -> None:
    made = [report("a", 1, 0.9, robustness={"mean_accuracy": 0.70004}), report("b", 1, 0.8, robustness={"mean_accuracy": 0.70001})]
    rows = versions({"models": {}}, [*made, report("c", 1, 0.7, robustness={"mean_accuracy": 0.5})])
    assert [row["corrupted"] == best(rows)["corrupted"] for row in rows] == [True, True, False]


def test_the_auroc_is_the_mean_over_the_foreign_sets() -> None:
    foreign = {"digits": {"auroc": 0.9}, "noise": {"auroc": 0.7}}
    assert versions({"models": {}}, [report("a", 1, 0.9, familiarity={"foreign": foreign})])[0]["auroc"] == pytest.approx(0.8)
    assert versions({"models": {}}, [report("a", 1, 0.9, familiarity=None)])[0]["auroc"] is None


def test_the_best_is_the_highest_or_for_errors_the_lowest_and_nothing_where_all_are_level() -> None:
    rows: list[dict[str, Any]] = [
        {"accuracy": 0.9, "loss": 0.3, "macro_f1": 0.9, "ece": 0.01, "corrupted": None, "auroc": 0.97},
        {"accuracy": 0.8, "loss": 0.2, "macro_f1": 0.8, "ece": 0.02, "corrupted": 0.5, "auroc": 0.97},
    ]
    assert best(rows) == {"accuracy": 0.9, "loss": 0.2, "macro_f1": 0.9, "ece": 0.01, "corrupted": None, "auroc": None}


def test_damage_is_averaged_over_its_severities() -> None:
    corruptions = {"noise": {"severities": [{"accuracy": 0.9}, {"accuracy": 0.5}]}}
    assert damaged([{"robustness": {"corruptions": corruptions}}]) == {"noise": [pytest.approx(0.7)]}
    assert damaged([]) == {}


def test_an_ingredients_change_is_from_the_row_before_it_of_the_same_model() -> None:
    def row(model: str, ingredient: str, accuracy: float) -> dict[str, Any]:
        return {"model": model, "ingredient": ingredient, "validation": {"accuracy": accuracy, "images": 2500}}

    base = "the paper's recipe"
    ladders = rungs([row("a", base, 0.8), row("b", base, 0.9), row("a", "flips", 0.85), row("a", "a teacher", 0.84)])
    assert list(ladders) == ["a", "b"]
    assert [each["change"] for each in ladders["a"]] == [None, pytest.approx(0.05), pytest.approx(-0.01)]
    assert ladders["b"][0]["change"] is None
    assert ladders["b"][0]["margin"] == pytest.approx(1.96 * 0.3 / 50)
