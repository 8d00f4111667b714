"""The comparison page's figures: all models in one, each with the same colour and mark everywhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from training.pages.canvas import BLACK, INK, MUTED, Look, Plot, figure, look
from training.pages.standings import label, ranked, versions

RECIPES = {"paper": "paper's recipe", "best": "best recipe"}


@dataclass(frozen=True)
class Standings:
    """What the figures are drawn from: the comparison, and the reports of the versions that it holds."""

    comparison: dict[str, Any]
    reports: list[dict[str, Any]]

    def having(self, key: str) -> list[tuple[int, dict[str, Any]]]:
        """The compared reports that have a key, each with its place in the ranking: older ones may lack it."""
        return [(place, report) for place, report in enumerate(ranked(self.comparison, self.reports)) if report.get(key)]


def accuracies(standings: Standings) -> Figure:
    """Every version's accuracy with its interval, and the paper's."""
    rows = versions(standings.comparison, standings.reports)
    papers = {report["name"]: report["paper"]["test"]["accuracy"] for report in standings.reports if report["paper"]}
    drawn = figure(height=1.4 + 0.34 * len(rows))
    axes = drawn.add_subplot(xlabel="accuracy on the test images")
    for place, row in enumerate(rows):
        style = _look(standings, row["name"])
        if row["interval"]:
            axes.plot([row["interval"]["low"], row["interval"]["high"]], [place, place], color=style.colour, linewidth=1.8)
        axes.plot(row["accuracy"], place, style.mark, color=style.colour, markersize=7)
        if row["name"] in papers:
            axes.plot(papers[row["name"]], place, "x", color=INK, markersize=7)
    axes.plot([], [], "x", color=INK, markersize=7, linestyle="none", label="the paper's figure")
    _rows(axes, [row["label"] for row in rows])
    axes.xaxis.set_major_formatter(lambda share, _: f"{100 * share:.3g}%")
    drawn.legend(loc="outside lower center", frameon=False)
    return drawn


def seeds(standings: Standings) -> Figure:
    """Every training run's accuracy, by model and recipe, with the mean and the paper's figure."""
    spreads = [(name, kind, spread) for name, kinds in standings.comparison["study"].items() for kind, spread in kinds.items()]
    drawn = figure(height=1.4 + 0.4 * len(spreads))
    axes = drawn.add_subplot(xlabel="accuracy on the test images")
    for place, (name, _, spread) in enumerate(spreads):
        style, accuracy = _look(standings, name), spread["accuracy"]
        values = accuracy["values"]
        axes.plot(values, [place] * len(values), style.mark, color=style.colour, markersize=6, markerfacecolor="none")
        axes.plot([accuracy["mean"]] * 2, [place - 0.3, place + 0.3], color=style.colour, linewidth=2)
        if "paper" in accuracy:
            axes.plot(accuracy["paper"]["value"], place, "x", color=INK, markersize=7)
    axes.plot([], [], "|", color=MUTED, markersize=12, markeredgewidth=2, linestyle="none", label="mean of the runs")
    axes.plot([], [], "x", color=INK, markersize=7, linestyle="none", label="the paper's figure")
    _rows(axes, [f"{name.upper()}, {RECIPES[kind]}" for name, kind, _ in spreads])
    axes.xaxis.set_major_formatter(lambda share, _: f"{100 * share:.3g}%")
    drawn.legend(loc="outside lower center", ncols=2, frameon=False)
    return drawn


def classes(standings: Standings) -> Figure:
    """Each class's F1, a mark for each model."""
    reports = standings.having("test")
    labels = reports[0][1]["dataset"]["labels"]
    drawn = figure(height=4.6)
    axes = drawn.add_subplot(xlabel="F1 (the further right, the better)")
    for place, report in reports:
        values = [report["test"]["per_class"][each]["f1"] for each in labels]
        style = look(place)
        axes.plot(values, range(len(labels)), style.mark, color=style.colour, markersize=6, linestyle="none", label=label(report))
    _rows(axes, labels)
    drawn.legend(loc="outside lower center", ncols=3, frameon=False)
    return drawn


def reliability(standings: Standings) -> Figure:
    """Accuracy minus confidence in each bin as served, a line for each model."""
    drawn = figure(height=3.6)
    axes = drawn.add_subplot(xlabel="mean confidence of the bin", ylabel="accuracy − confidence")
    for place, report in standings.having("calibration"):
        calibration = report["calibration"]
        bins = calibration["after" if calibration["in_graph"] else "before"]["bins"]
        gaps = [each["accuracy"] - each["confidence"] for each in bins]
        _line(axes, [each["confidence"] for each in bins], gaps, place, report)
    axes.axhline(0, color=INK, linewidth=0.8)
    drawn.legend(loc="outside lower center", ncols=3, frameon=False)
    axes.grid()
    return drawn


def coverage(standings: Standings) -> Figure:
    """The error rate among the images each model is surest of, against how many those are."""
    drawn = figure(height=3.9)
    axes = drawn.add_subplot(xlabel="coverage: share of the test images answered", ylabel="risk: error rate among those")
    for place, report in standings.having("selection"):
        style = look(place)
        selection = report["selection"]
        axes.plot(selection["coverage"], selection["risk"], color=style.colour, linestyle=style.dashes, label=label(report))
    axes.set(xlim=(0, 1.01), ylim=(0, None))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda share, _: f"{100 * share:.3g}%")
    axes.grid()
    drawn.legend(loc="outside lower center", ncols=3, frameon=False)
    return drawn


def robustness(standings: Standings) -> Figure:
    """Accuracy against severity, a chart for each corruption and a line for each model."""
    reports = standings.having("robustness")
    names = list(reports[0][1]["robustness"]["corruptions"])
    rows = -(-len(names) // 2)
    drawn = figure(height=2.1 * rows + 0.5)
    charts = drawn.subplots(rows, 2, sharex=True, sharey=True, squeeze=False)
    for name, axes in zip(names, charts.flat, strict=False):
        axes.set_title(name)
        for place, report in reports:
            measured = report["robustness"]
            values = [measured["clean"], *(row["accuracy"] for row in measured["corruptions"][name]["severities"])]
            _line(axes, list(range(len(values))), values, place, report)
        axes.grid()
        axes.yaxis.set_major_formatter(lambda share, _: f"{100 * share:.3g}%")
    for axes in charts[-1]:
        axes.set_xlabel("severity (0: undamaged)")
    drawn.legend(*charts[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
    return drawn


def _line(axes: Axes, x: list[Any], y: list[float], place: int, report: dict[str, Any]) -> None:
    style = look(place)
    axes.plot(x, y, color=style.colour, marker=style.mark, linestyle=style.dashes, markersize=4.5, label=label(report))


def _look(standings: Standings, name: str) -> Look:
    """By the place in the ranking; a model that was studied but isn't published comes after all."""
    ranking = list(standings.comparison["models"])
    return look(ranking.index(name) if name in ranking else len(ranking))


def _rows(axes: Axes, names: list[str]) -> None:
    """Name the rows from the top down."""
    axes.set_yticks(np.arange(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid()
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_color(BLACK)


PLOTS: dict[str, Plot[Standings]] = {
    "accuracies": Plot(
        "Accuracies",
        "A row for each version with a mark at its accuracy on a line that spans its interval, and a cross at the paper's accuracy.",
        "The line spans the 95% interval of the accuracy over the choice of test images. Intervals that overlap are no proof of equality: "
        "the paired tests tell more.",
        accuracies,
    ),
    "seeds": Plot(
        "Runs with other seeds",
        "A row for each model and recipe with a mark for each run, a bar at their mean, and a cross at the paper's accuracy.",
        "Each mark is one training run; they differ in the seed alone.",
        seeds,
    ),
    "classes": Plot(
        "F1 by class",
        "A row for each class with a mark for each model's F1.",
        "The harmonic mean of precision and recall on each class.",
        classes,
    ),
    "reliability": Plot(
        "Reliability",
        "Line chart of accuracy minus confidence against confidence in 15 bins, a line for each model around zero.",
        "The probabilities as served, in 15 bins of equally many test images. Below zero a model is overconfident, above underconfident.",
        reliability,
    ),
    "coverage": Plot(
        "Risk against coverage",
        "Line chart of a rising line for each model from no errors on few images to its error rate on all.",
        "If a model answered only the images it is surest of: how many of its answers would be wrong. The lower, the better.",
        coverage,
    ),
    "robustness": Plot(
        "Robustness",
        "Six line charts of accuracy against the severity of the damage, 0 to 5, one for each kind, with a falling line for each model.",
        "Accuracy on damaged test images, by kind and severity of the damage; each model's report has the amounts.",
        robustness,
    ),
}
