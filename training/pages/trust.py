"""Figures of how far a model can be trusted: whether its confidence holds, what declining gains, what damage costs."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from training.evaluate import Evaluation
from training.evidence.calibration import BINS
from training.pages.canvas import BLUE, INK, LINE, SMALL, VERMILION, figure, look

CHANCE = 1.96
"""Standard deviations within which 95 % of a fair bin's accuracies lie."""


def reliability(evaluation: Evaluation) -> Figure:
    """Accuracy against confidence, and the distance between them in each bin, with and without the temperature."""
    calibration = evaluation.report["calibration"]
    served = "after" if calibration["in_graph"] else "before"
    names = {"before": "the network's own", "after": f"with temperature {calibration['temperature']:.2f}"}
    styles: dict[str, Any] = {
        "before": {"color": BLUE, "marker": "o", "linestyle": "--", "markerfacecolor": "white"},
        "after": {"color": VERMILION, "marker": "s", "markersize": 4.5},
    }
    drawn = figure(height=6.6)
    upper, lower = drawn.subplots(2, height_ratios=(3, 2))
    upper.plot([0, 1], [0, 1], color=INK, linestyle=":", linewidth=1.2, label="confidence = accuracy")
    for kind, name in names.items():
        bins = calibration[kind]["bins"]
        confidence, accuracy = ([each[axis] for each in bins] for axis in ("confidence", "accuracy"))
        upper.plot(confidence, accuracy, label=name + (", as served" if kind == served else ""), **styles[kind])
    lowest = min(min(each["confidence"], each["accuracy"]) for kind in names for each in calibration[kind]["bins"])
    edge = np.floor(lowest * 10) / 10
    upper.set(xlabel="mean confidence of the bin", ylabel="accuracy of the bin", xlim=(edge, 1.02), ylim=(edge, 1.02))
    upper.grid()
    upper.legend(loc="upper left")
    places = np.arange(1, len(calibration["before"]["bins"]) + 1)
    for kind, side, face in (("before", -0.2, "white"), ("after", 0.2, VERMILION)):
        gaps = [each["accuracy"] - each["confidence"] for each in calibration[kind]["bins"]]
        lower.bar(places + side, gaps, 0.36, facecolor=face, edgecolor=styles[kind]["color"], zorder=2)
    expected = np.array([_chance(each) for each in calibration[served]["bins"]])
    lower.bar(places, 2 * expected, 0.94, bottom=-expected, color=LINE, zorder=1, label="95% of what chance alone gives")
    lower.axhline(0, color=INK, linewidth=0.8)
    lower.set(xlabel=f"bin, of {BINS}, from least to most confident", ylabel="accuracy − confidence", xticks=places[::2])
    lower.legend(loc="best", fontsize=SMALL)
    return drawn


def coverage(evaluation: Evaluation) -> Figure:
    """The error rate among the images the model is surest of, against how many those are."""
    selection = evaluation.report["selection"]
    drawn = figure(height=3.6)
    axes = drawn.add_subplot(xlabel="coverage: share of the test images answered", ylabel="risk: error rate among those")
    axes.plot(selection["coverage"], selection["risk"], color=BLUE)
    for mark, row in zip("osD", selection["largest_coverage"], strict=True):
        if row["coverage"]:
            name = f"{row['error_rate']:.0%} wrong of {row['coverage']:.1%}"
            axes.plot(row["coverage"], row["error_rate"], mark, color=INK, markersize=5, label=name)
    if any(row["coverage"] for row in selection["largest_coverage"]):
        axes.legend(loc="upper left")
    axes.set(xlim=(0, 1.01), ylim=(0, None))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda share, _: f"{100 * share:.3g}%")
    axes.grid()
    return drawn


def robustness(evaluation: Evaluation) -> Figure:
    """Accuracy against severity, a line for each corruption; severity 0 is the clean images."""
    measured = evaluation.report["robustness"]
    drawn = figure(height=4.2)
    axes = drawn.add_subplot(xlabel="severity (0: as in the test set)", ylabel="accuracy")
    for index, (name, corruption) in enumerate(measured["corruptions"].items()):
        style = look(index)
        values = [measured["clean"], *(row["accuracy"] for row in corruption["severities"])]
        axes.plot(range(len(values)), values, color=style.colour, marker=style.mark, linestyle=style.dashes, markersize=5, label=name)
    axes.set(ylim=(0, 1))
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.grid()
    axes.legend(loc="lower left", ncols=2)
    return drawn


def _chance(members: dict[str, float]) -> float:
    """How far a bin's accuracy strays from its confidence by chance if that is right (Bröcker and Smith 2007, normal approximation)."""
    confidence = members["confidence"]
    return float(CHANCE * np.sqrt(confidence * (1 - confidence) / members["images"]))
