"""Figures in rows and columns: pictures, and the confusion matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from sklearn.metrics import ConfusionMatrixDisplay

from training.evaluate import Evaluation
from training.pages.canvas import GREEN, INK, MUTED, SMALL, VERMILION, figure

GRID = 5
"""Rows and columns of pictures."""


def data(evaluation: Evaluation) -> Figure:
    """The first training images with their labels."""
    dataset, labels = evaluation.dataset, evaluation.report["dataset"]["labels"]
    pictures = list(zip(dataset.train_images, dataset.train_labels, strict=True))[: GRID**2]
    drawn = figure(height=5.7)
    for axes, (image, label) in zip(_cells(drawn), pictures, strict=False):
        _picture(axes, image, MUTED)
        axes.set_xlabel(labels[label], size=SMALL, labelpad=2)
    return drawn


def correct(evaluation: Evaluation) -> Figure:
    """Test images that were classified correctly."""
    return _examples(evaluation, "correct", "✓", GREEN)


def misclassified(evaluation: Evaluation) -> Figure:
    """Test images that were not."""
    return _examples(evaluation, "misclassified", "✗", VERMILION)


def confident_mistakes(evaluation: Evaluation) -> Figure:
    """The misclassified test images that the model was surest of."""
    return _examples(evaluation, "most_confident_mistakes", "✗", VERMILION)


def confusion_matrix(evaluation: Evaluation) -> Figure:
    """Test images by true and predicted class."""
    labels = evaluation.report["dataset"]["labels"]
    drawn = figure(height=4.9)
    axes = drawn.add_subplot()
    display = ConfusionMatrixDisplay.from_predictions(
        evaluation.true,
        evaluation.predicted,
        labels=range(len(labels)),
        display_labels=labels,
        cmap="Blues",
        colorbar=False,
        xticks_rotation=90,
        text_kw={"size": SMALL},
        im_kw={"norm": PowerNorm(0.5)},  # or the few errors would all look white beside the diagonal
        ax=axes,
    )
    for text, value in zip(display.text_.flat, display.confusion_matrix.flat, strict=True):
        text.set_color("white" if display.im_.norm(value) > 0.6 else INK)
    axes.set(xlabel="predicted class", ylabel="true class")
    axes.spines[:].set(visible=True, color=MUTED)
    axes.tick_params(length=0)
    return drawn


def _examples(evaluation: Evaluation, kind: str, mark: str, colour: str) -> Figure:
    examples: list[dict[str, Any]] = evaluation.report["examples"][kind]
    drawn = figure(height=7.5)
    drawn.suptitle(f"above: true class, below: {mark} predicted class and confidence", size=SMALL, color=MUTED)
    if not examples:
        drawn.text(0.5, 0.5, "none", ha="center", size=14)
    for axes, example in zip(_cells(drawn), examples, strict=False):
        _picture(axes, evaluation.dataset.test_images[example["test_index"]], colour)
        axes.set_title(example["true"], size=SMALL, weight="normal", pad=3)
        axes.set_xlabel(f"{mark} {example['predicted']}\n{example['confidence']:.2%}", size=SMALL, labelpad=2)
    return drawn


def _cells(drawn: Figure) -> list[Axes]:
    cells = list(drawn.subplots(GRID, GRID).flat)
    for axes in cells:
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
    return cells


def _picture(axes: Axes, image: npt.NDArray[np.uint8], colour: str) -> None:
    axes.imshow(image.squeeze(axis=-1), cmap="gray", vmin=0, vmax=255)
    axes.spines[:].set(visible=True, color=colour, linewidth=1.8)
