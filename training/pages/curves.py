"""Curves of one model: loss and accuracy by epoch, and how well each class is told from the rest."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from sklearn.metrics import roc_curve

from training.evaluate import Evaluation
from training.pages.canvas import BLACK, BLUE, GREEN, INK, MUTED, PURPLE, VERMILION, figure
from training.recipes import recipe_of


def loss(evaluation: Evaluation) -> Figure:
    """Training and validation loss after each epoch, one above the other where they are different losses."""
    if not evaluation.card.get("teacher"):
        return _together(evaluation, "loss", "loss (cross-entropy)")
    drawn = figure(height=5.4)
    upper, lower = drawn.subplots(2, sharex=True)
    _line(upper, evaluation.report["history"]["loss"], "training")
    upper.set(ylabel="distillation loss")
    _line(lower, evaluation.report["history"]["val_loss"], "validation")
    _chosen(lower, evaluation, "val_loss")
    lower.set(xlabel="epoch", ylabel="cross-entropy")
    for axes in (upper, lower):
        axes.grid()
        axes.legend()
    return drawn


def accuracy(evaluation: Evaluation) -> Figure:
    """Training and validation accuracy after each epoch."""
    return _together(evaluation, "accuracy", "accuracy")


def roc(evaluation: Evaluation) -> Figure:
    """True against false positive rate of each class: all of it, and the corner that matters."""
    report = evaluation.report
    drawn = figure(height=8.6)
    whole, corner = drawn.subplots(2)
    lowest = 1.0
    for index, label in enumerate(report["dataset"]["labels"]):
        false_positive_rate, true_positive_rate, _ = roc_curve(evaluation.true == index, evaluation.probabilities[:, index])
        lowest = min(lowest, float(np.interp(0.01, false_positive_rate, true_positive_rate)))
        name = f"{label}, {report['test']['per_class'][label]['roc_auc']:.4f}"
        for axes in (whole, corner):
            axes.plot(false_positive_rate, true_positive_rate, label=name, **_class_line(index))
    for axes in (whole, corner):
        axes.plot([0, 1], [0, 1], color=MUTED, linestyle=":", linewidth=1.2, label="guessing, 0.5")
        axes.set(xlabel="false positive rate", ylabel="true positive rate")
        axes.grid()
    whole.set(title="All thresholds", xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    whole.legend(title="class, AUC", loc="lower right", framealpha=1)
    bottom = min(np.floor(lowest * 10) / 10, 0.9)
    corner.set(title="False positive rate up to 0.1", xlim=(-0.001, 0.1), ylim=(bottom, 1 + (1 - bottom) / 100))
    return drawn


def precision_recall(evaluation: Evaluation) -> Figure:
    """Precision against recall of each class, as the report stores them."""
    drawn = figure(height=4.6)
    axes = drawn.add_subplot(xlabel="recall: share of the class found", ylabel="precision: share of the finds that is right")
    for index, (label, curve) in enumerate(evaluation.report["precision_recall_curves"].items()):
        name = f"{label}, {curve['average_precision']:.4f}"
        axes.plot(curve["recall"], curve["precision"], drawstyle="steps-pre", label=name, **_class_line(index))
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    axes.grid()
    axes.legend(title="class, average precision", loc="lower left", framealpha=1)
    return drawn


def _together(evaluation: Evaluation, metric: str, label: str) -> Figure:
    drawn = figure(height=3.4)
    axes = drawn.add_subplot(xlabel="epoch", ylabel=label)
    _line(axes, evaluation.report["history"][metric], "training")
    _line(axes, evaluation.report["history"][f"val_{metric}"], "validation")
    _chosen(axes, evaluation, f"val_{metric}")
    axes.grid()
    axes.legend()
    return drawn


def _line(axes: Axes, values: list[float], name: str) -> None:
    colour, dashes = {"training": (BLUE, "--"), "validation": (VERMILION, "-")}[name]
    mark = "o" if len(values) == 1 else None  # a line needs two points to be seen
    axes.plot(range(1, len(values) + 1), values, color=colour, linestyle=dashes, marker=mark, label=name)
    axes.set_xlim(0.5, len(values) + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))


def _chosen(axes: Axes, evaluation: Evaluation, metric: str) -> None:
    """Mark the epoch whose weights the model has: the best one only where a choice was made."""
    epoch, values = evaluation.report["best_epoch"], evaluation.report["history"][metric]
    word = "last" if recipe_of(evaluation.card).early_stopping_patience is None else "best"
    axes.axvline(epoch, color=INK, linestyle=":", linewidth=1.2)
    axes.plot(
        epoch, values[epoch - 1], "D", color=INK, markersize=6, linestyle="none", label=f"{word} epoch {epoch}: {values[epoch - 1]:.4f}"
    )


def _class_line(index: int) -> dict[str, Any]:
    """Five colours, solid and then dashed, tell ten classes apart."""
    colours = (BLUE, VERMILION, GREEN, PURPLE, BLACK)
    return {"color": colours[index % len(colours)], "linestyle": "-" if index < len(colours) else (0, (3.5, 1.2)), "linewidth": 1.5}
