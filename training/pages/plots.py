"""The report's figures: their titles and words, and the files they are written to."""

from __future__ import annotations

from pathlib import Path

from matplotlib import style

from training.evaluate import Evaluation
from training.pages import curves, grids, trust
from training.pages.canvas import STYLE, Plot, png
from training.pages.drawing import network

PLOTS: dict[str, Plot[Evaluation]] = {
    "data.png": Plot(
        "Training images",
        "A grid of the first 25 training images, each a light garment on black with its class below.",
        "The first 25 training images, 28×28 pixels each, with their labels.",
        grids.data,
    ),
    "network.png": Plot(
        "Network",
        "A column of boxes joined by arrows, one for each layer, with the layer's type, output shape and number of parameters.",
        "Filled boxes hold trained parameters. The sketches show the output: sheets for feature maps, to scale in height and width, "
        "with more sheets for more channels; a bar for a vector, its length by the square root of the units.",
        lambda evaluation: network(evaluation.card["layers"], evaluation.card["input"]["shape"]),
    ),
    "loss.png": Plot(
        "Loss",
        "Line chart of training and validation loss after each epoch, with a dotted line at the epoch whose weights the model has.",
        "Loss after each epoch; lower is better. Training figures are averages while the epoch runs, with dropout and varied images where "
        "the recipe has them, so they can lie above the validation figures.",
        curves.loss,
    ),
    "accuracy.png": Plot(
        "Accuracy",
        "Line chart of training and validation accuracy after each epoch, with a dotted line at the epoch whose weights the model has.",
        "Share of correct labels after each epoch; higher is better.",
        curves.accuracy,
    ),
    "confusion_matrix.png": Plot(
        "Confusion matrix",
        "A table of ten rows, the true classes, and ten columns, the predicted ones; each cell holds the number of test images.",
        "Test images by true class (row) and predicted class (column). The diagonal holds the correct ones; darker is more.",
        grids.confusion_matrix,
    ),
    "roc.png": Plot(
        "ROC curves",
        "Two charts of true positive rate against false positive rate, one curve for each class against the rest: "
        "all of it, and the top left corner enlarged.",
        "Each class against the nine others. The nearer a curve to the top left corner, and its area (AUC) to 1, the better. "
        "The second chart enlarges the corner.",
        curves.roc,
    ),
    "precision_recall.png": Plot(
        "Precision and recall",
        "Line chart of precision against recall, one curve for each class, falling from the top left to the bottom right.",
        "Each class against the nine others, at every threshold: the more of a class is found, the more of the finds are wrong. "
        "The nearer a curve to the top right corner, and its average precision to 1, the better.",
        curves.precision_recall,
    ),
    "reliability.png": Plot(
        "Reliability",
        "Above, a line chart of accuracy against confidence with and without the temperature, beside the diagonal where they are equal. "
        "Below, bars of the difference between the two in each of 15 bins, on a grey band of what chance alone gives.",
        "The test images in 15 bins of equally many, by confidence. On the dotted diagonal a confidence of 80% is right 80% of the time. "
        "A bar below zero is overconfidence; one that stays within the grey band is no evidence of any.",
        trust.reliability,
    ),
    "coverage.png": Plot(
        "Risk against coverage",
        "Line chart that rises from no errors among the few test images the model is surest of to its error rate on all.",
        "If the model answered only the images it is surest of and declined the rest: how many of its answers would be wrong.",
        trust.coverage,
    ),
    "robustness.png": Plot(
        "Robustness",
        "Line chart of accuracy against the severity of the damage, 0 to 5, a falling line for each of six kinds.",
        "Accuracy on the test images when they are damaged, at five severities; the table has the amounts.",
        trust.robustness,
    ),
    "correct.png": Plot(
        "Correctly classified",
        "A grid of test images that the model classified correctly, each with its true class above, "
        "and below a tick, the predicted class and the confidence.",
        "The first correctly classified test images, in the test set's order. Above: true class; below: predicted class and confidence.",
        grids.correct,
    ),
    "misclassified.png": Plot(
        "Misclassified",
        "A grid of test images that the model misclassified, each with its true class above, "
        "and below a cross, the predicted class and the confidence.",
        "The first misclassified test images, in the test set's order. Above: true class; below: predicted class and confidence.",
        grids.misclassified,
    ),
    "confident_mistakes.png": Plot(
        "Most confident mistakes",
        "A grid of the misclassified test images with the highest confidence, each with its true class above, "
        "and below a cross, the predicted class and the confidence.",
        "The misclassified test images that the model was surest of, the surest first. Some of these labels a person would doubt too.",
        grids.confident_mistakes,
    ),
}


def draw(evaluation: Evaluation, folder: Path) -> None:
    """Write every figure of `PLOTS` to `folder`, which is created; the same evaluation gives the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    # the reader's own matplotlibrc must not change the report; the settings return at the end
    with style.context(STYLE, after_reset=True):
        for name, plot in PLOTS.items():
            (folder / name).write_bytes(png(plot.drawn(evaluation)))
