"""The comparison's figures: each draws the figures at hand, with one look for each model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from training.pages.comparison_plots import PLOTS, Standings, accuracies, classes, coverage, reliability, robustness, seeds


def report(name: str, accuracy: float) -> dict[str, Any]:
    bins = [{"confidence": 0.6, "accuracy": accuracy, "images": 10}, {"confidence": 0.9, "accuracy": 0.9, "images": 10}]
    return {
        "name": name,
        "version": 2,
        "parameters": 7,
        "dataset": {"labels": ["A", "B"]},
        "test": {
            "accuracy": accuracy,
            "loss": 0.3,
            "macro_avg": {"f1": 0.8},
            "per_class": {"A": {"f1": accuracy}, "B": {"f1": 0.5}},
            "intervals": {"accuracy": {"value": accuracy, "low": accuracy - 0.01, "high": accuracy + 0.02}},
        },
        "calibration": {"in_graph": True, "before": {"bins": [], "ece": 0.1}, "after": {"bins": bins, "ece": 0.1}},
        "selection": {"coverage": [0.5, 1.0], "risk": [0.0, 1 - accuracy]},
        "robustness": {
            "clean": accuracy,
            "mean_accuracy": 0.5,
            "corruptions": {kind: {"severities": [{"accuracy": accuracy / 2}, {"accuracy": 0.1}]} for kind in ("blur", "noise", "turn")},
        },
        "paper": {"test": {"accuracy": 0.85}} if name == "a" else None,
    }


STUDY = {"a": {"paper": {"accuracy": {"values": [0.7, 0.8], "mean": 0.75, "paper": {"value": 0.79}}}}}
STANDINGS = Standings({"models": {"b": {"version": 2}, "a": {"version": 2}}, "study": STUDY}, [report("a", 0.8), report("b", 0.9)])
FIRST, SECOND = "#0072b2", "#d55e00"


def points(axes: Any) -> list[tuple[str, list[float], list[float]]]:
    """Colour, x and y of each line, to six digits."""
    return [(line.get_color(), *(np.round(np.asarray(line.get_xydata(), float).T, 6).tolist())) for line in axes.lines]


def test_a_version_has_its_interval_its_accuracy_and_the_papers() -> None:
    (axes,) = accuracies(STANDINGS).axes
    assert [text.get_text() for text in axes.get_yticklabels()] == ["B 2", "A 2"]
    drawn = points(axes)
    assert (FIRST, [0.89, 0.92], [0, 0]) in drawn
    assert (FIRST, [0.9], [0]) in drawn
    assert (SECOND, [0.8], [1]) in drawn
    assert [(x, y) for _, x, y in drawn if x == [0.85]] == [([0.85], [1])], "the paper has no b"


def test_a_version_without_an_interval_has_its_accuracy_alone() -> None:
    bare = report("a", 0.8)
    del bare["test"]["intervals"]
    (axes,) = accuracies(Standings({"models": {"a": {"version": 2}}}, [bare])).axes
    assert (FIRST, [0.8], [0]) in points(axes)


def test_every_run_is_a_mark_beside_the_mean_and_the_paper() -> None:
    (axes,) = seeds(STANDINGS).axes
    assert points(axes)[:3] == [(SECOND, [0.7, 0.8], [0, 0]), (SECOND, [0.75, 0.75], [-0.3, 0.3]), ("#1b1f24", [0.79], [0])]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["A, paper's recipe"]


def test_a_model_of_the_study_that_is_not_compared_is_drawn_too() -> None:
    (axes,) = seeds(Standings({"models": {"b": {"version": 2}}, "study": STUDY}, [report("b", 0.9)])).axes
    assert points(axes)[0][1] == [0.7, 0.8]


def test_every_model_has_one_look_everywhere() -> None:
    expected = {"B 2": (FIRST, "o"), "A 2": (SECOND, "s")}
    for drawn in (classes(STANDINGS), reliability(STANDINGS), robustness(STANDINGS)):
        lines = {line.get_label(): (line.get_color(), line.get_marker()) for line in drawn.axes[0].lines if line.get_label() in expected}
        assert lines == expected


def test_the_values_are_the_reports() -> None:
    assert points(classes(STANDINGS).axes[0])[0] == (FIRST, [0.9, 0.5], [0, 1])
    assert points(reliability(STANDINGS).axes[0])[0] == (FIRST, [0.6, 0.9], [0.3, 0.0])
    assert points(coverage(STANDINGS).axes[0])[1] == (SECOND, [0.5, 1.0], [0.0, 0.2])
    charts = robustness(STANDINGS).axes
    assert [axes.get_title() for axes in charts] == ["blur", "noise", "turn", ""]
    assert points(charts[1])[1] == (SECOND, [0, 1, 2], [0.8, 0.4, 0.1])


@pytest.mark.parametrize("name", PLOTS)
def test_a_figure_is_described_in_sentences(name: str) -> None:
    plot = PLOTS[name]
    assert plot.alt.endswith(".")
    assert plot.caption.endswith(".")
    assert len({plot.title, plot.alt, plot.caption}) == 3
