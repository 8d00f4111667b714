"""The report's figures, drawn from an evaluation without any display."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from PIL import Image
from sklearn.metrics import ConfusionMatrixDisplay, roc_curve

from training.drawing import network
from training.evaluate import Evaluation

DPI = 150
WIDTH = 4.8
"""Inches: 720 pixels, so that 10-point letters are still read where a phone shrinks the figure to its width."""
COLOURS = 128
"""Palette of a file: enough for smooth letters and 28x28 pictures at a third of the size."""
GRID = 5
SMALL = 9
"""Points: the largest letters that fit beside each other under the pictures of a grid."""

# Okabe and Ito's colours that stand out from white; told apart by dashes, marks or words as well.
BLUE, VERMILION, GREEN, PURPLE, BLACK = "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#000000"
INK, MUTED = "#1b1f24", "#57606a"
STYLE = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same letters on every machine
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.labelsize": 10,
    "legend.fontsize": 9.5,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": "#d8dee4",
    "axes.axisbelow": True,
}


@dataclass(frozen=True)
class Plot:
    """One figure: its title, what it shows to who can't see it, and how to read it."""

    title: str
    alt: str
    caption: str


PLOTS = {
    "data.png": Plot(
        "Training images",
        "A grid of the first 25 training images, each a light garment on black with its class below.",
        "The first 25 training images, 28×28 pixels each, with their labels.",
    ),
    "network.png": Plot(
        "Network",
        "A column of boxes joined by arrows, one for each layer, with the layer's type, output shape and number of parameters.",
        "Filled boxes hold trained parameters. The sketches show the output: sheets for feature maps, to scale in height and width, "
        "with more sheets for more channels; a bar for a vector, its length by the square root of the units.",
    ),
    "loss.png": Plot(
        "Loss",
        "Line chart of training and validation loss after each epoch, with a dotted line at the best epoch.",
        "Cross-entropy after each epoch; lower is better. Training figures are averages while the epoch runs and with dropout at work, "
        "so they can lie above the validation figures.",
    ),
    "accuracy.png": Plot(
        "Accuracy",
        "Line chart of training and validation accuracy after each epoch, with a dotted line at the best epoch.",
        "Share of correct labels after each epoch; higher is better. The best epoch is chosen by validation loss; "
        "its weights are the model's.",
    ),
    "confusion_matrix.png": Plot(
        "Confusion matrix",
        "A table of ten rows, the true classes, and ten columns, the predicted ones; each cell holds the number of test images.",
        "Test images by true class (row) and predicted class (column). The diagonal holds the correct ones; darker is more.",
    ),
    "roc.png": Plot(
        "ROC curves",
        "Two charts of true positive rate against false positive rate, one curve for each class against the rest: "
        "all of it, and the top left corner enlarged.",
        "Each class against the nine others. The nearer a curve to the top left corner, and its area (AUC) to 1, the better. "
        "The second chart enlarges the corner.",
    ),
    "correct.png": Plot(
        "Correctly classified",
        "A grid of test images that the model classified correctly, each with its true class above, "
        "and below a tick, the predicted class and the confidence.",
        "The first correctly classified test images, in the test set's order. Above: true class; below: predicted class and confidence.",
    ),
    "misclassified.png": Plot(
        "Misclassified",
        "A grid of test images that the model misclassified, each with its true class above, "
        "and below a cross, the predicted class and the confidence.",
        "The first misclassified test images, in the test set's order. Above: true class; below: predicted class and confidence.",
    ),
}


def draw(evaluation: Evaluation, folder: Path) -> None:
    """Write every figure of `PLOTS` to `folder`, which is created; the same evaluation gives the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    # the reader's own matplotlibrc must not change the report; the settings return at the end
    with style.context(STYLE, after_reset=True):
        for name, figure in _FIGURES.items():
            _save(figure(evaluation), folder / name)


def _save(figure: Figure, path: Path) -> None:
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=DPI, facecolor="white")
    image = Image.open(drawn).convert("RGB")
    # by coverage, not by number of pixels: thin lines keep their colours beside large white grounds
    palette = image.quantize(COLOURS, Image.Quantize.MAXCOVERAGE, kmeans=1, dither=Image.Dither.NONE)
    palette.save(path, optimize=True)


def _figure(height: float) -> Figure:
    """An empty figure `height` inches high."""
    return Figure(figsize=(WIDTH, height), layout="constrained")


def _data(evaluation: Evaluation) -> Figure:
    dataset, labels = evaluation.dataset, evaluation.report["dataset"]["labels"]
    pictures = list(zip(dataset.train_images, dataset.train_labels, strict=True))[: GRID**2]
    figure = _figure(height=5.7)
    for axes, (image, label) in zip(_cells(figure), pictures, strict=False):
        _picture(axes, image, MUTED)
        axes.set_xlabel(labels[label], size=SMALL, labelpad=2)
    return figure


def _network(evaluation: Evaluation) -> Figure:
    return network(evaluation.card["layers"], evaluation.card["input"]["shape"])


def _loss(evaluation: Evaluation) -> Figure:
    return _curves(evaluation.report, "loss", "loss (cross-entropy)")


def _accuracy(evaluation: Evaluation) -> Figure:
    return _curves(evaluation.report, "accuracy", "accuracy")


def _curves(report: dict[str, Any], metric: str, label: str) -> Figure:
    figure = _figure(height=3.4)
    axes = figure.add_subplot(xlabel="epoch", ylabel=label)
    training, validation = report["history"][metric], report["history"][f"val_{metric}"]
    epochs = range(1, len(training) + 1)
    best = report["best_epoch"]
    mark = "o" if len(training) == 1 else None  # a line needs two points to be seen
    axes.plot(epochs, training, color=BLUE, linestyle="--", marker=mark, label="training")
    axes.plot(epochs, validation, color=VERMILION, marker=mark, label="validation")
    axes.axvline(best, color=INK, linestyle=":", linewidth=1.2)
    axes.plot(
        best, validation[best - 1], "D", color=INK, markersize=6, linestyle="none", label=f"best epoch {best}: {validation[best - 1]:.4f}"
    )
    axes.set_xlim(0.5, len(training) + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.grid()
    axes.legend()
    return figure


def _confusion_matrix(evaluation: Evaluation) -> Figure:
    labels = evaluation.report["dataset"]["labels"]
    figure = _figure(height=4.9)
    axes = figure.add_subplot()
    display = ConfusionMatrixDisplay.from_predictions(
        evaluation.true,
        evaluation.predicted,
        labels=range(len(labels)),
        display_labels=labels,
        cmap="Blues",
        colorbar=False,
        xticks_rotation=90,
        text_kw={"size": 9},
        im_kw={"norm": PowerNorm(0.5)},  # or the few errors would all look white beside the diagonal
        ax=axes,
    )
    for text, value in zip(display.text_.flat, display.confusion_matrix.flat, strict=True):
        text.set_color("white" if display.im_.norm(value) > 0.6 else INK)
    axes.set(xlabel="predicted class", ylabel="true class")
    axes.spines[:].set(visible=True, color=MUTED)
    axes.tick_params(length=0)
    return figure


def _roc(evaluation: Evaluation) -> Figure:
    report = evaluation.report
    figure = _figure(height=8.6)
    whole, corner = figure.subplots(2)
    lowest = 1.0
    for index, label in enumerate(report["dataset"]["labels"]):
        false_positive_rate, true_positive_rate, _ = roc_curve(evaluation.true == index, evaluation.probabilities[:, index])
        lowest = min(lowest, float(np.interp(0.01, false_positive_rate, true_positive_rate)))
        look = _class_line(index)
        for axes in (whole, corner):
            axes.plot(
                false_positive_rate, true_positive_rate, label=f"{label}, {report['test']['per_class'][label]['roc_auc']:.4f}", **look
            )
    for axes in (whole, corner):
        axes.plot([0, 1], [0, 1], color=MUTED, linestyle=":", linewidth=1.2, label="guessing, 0.5")
        axes.set(xlabel="false positive rate", ylabel="true positive rate")
        axes.grid()
    whole.set(title="All thresholds", xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    whole.legend(title="class, AUC", loc="lower right", framealpha=1)
    bottom = min(np.floor(lowest * 10) / 10, 0.9)
    corner.set(title="False positive rate up to 0.1", xlim=(-0.001, 0.1), ylim=(bottom, 1 + (1 - bottom) / 100))
    return figure


def _class_line(index: int) -> dict[str, Any]:
    """Five colours, solid and then dashed, tell ten classes apart."""
    colours = (BLUE, VERMILION, GREEN, PURPLE, BLACK)
    return {"color": colours[index % len(colours)], "linestyle": "-" if index < len(colours) else (0, (3.5, 1.2)), "linewidth": 1.5}


def _correct(evaluation: Evaluation) -> Figure:
    return _examples(evaluation, "correct", "✓", GREEN)


def _misclassified(evaluation: Evaluation) -> Figure:
    return _examples(evaluation, "misclassified", "✗", VERMILION)


def _examples(evaluation: Evaluation, kind: str, mark: str, colour: str) -> Figure:
    examples = evaluation.report["examples"][kind]
    figure = _figure(height=7.5)
    figure.suptitle(f"above: true class, below: {mark} predicted class and confidence", size=SMALL, color=MUTED)
    if not examples:
        figure.text(0.5, 0.5, "none", ha="center", size=14)
    for axes, example in zip(_cells(figure), examples, strict=False):
        _picture(axes, evaluation.dataset.test_images[example["test_index"]], colour)
        axes.set_title(example["true"], size=SMALL, weight="normal", pad=3)
        axes.set_xlabel(f"{mark} {example['predicted']}\n{example['confidence']:.2%}", size=SMALL, labelpad=2)
    return figure


def _cells(figure: Figure) -> list[Axes]:
    cells = list(figure.subplots(GRID, GRID).flat)
    for axes in cells:
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
    return cells


def _picture(axes: Axes, image: npt.NDArray[np.uint8], colour: str) -> None:
    axes.imshow(image.squeeze(axis=-1), cmap="gray", vmin=0, vmax=255)
    axes.spines[:].set(visible=True, color=colour, linewidth=1.8)


_FIGURES: dict[str, Callable[[Evaluation], Figure]] = {
    "data.png": _data,
    "network.png": _network,
    "loss.png": _loss,
    "accuracy.png": _accuracy,
    "confusion_matrix.png": _confusion_matrix,
    "roc.png": _roc,
    "correct.png": _correct,
    "misclassified.png": _misclassified,
}
