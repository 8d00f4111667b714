"""How good a published graph is: every figure of the paper's chapters 2.5 and 3.5, from TensorFlow's run of the SavedModel."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import log_softmax
from sklearn.metrics import auc, classification_report, confusion_matrix, roc_curve

from training.data import LABELS, NAME, Dataset
from training.paper import PAPER
from training.savedmodel import Prediction, predict

EXAMPLES = 25
"""Pictures of correct and of misclassified images: as many as the paper's grids hold."""
CURVE_POINTS = 101
"""A stored ROC curve is read at so many false positive rates; plots and areas use every point."""


@dataclass(frozen=True)
class Evaluation:
    """The report's figures, and the arrays that its plots draw.

    `true`, `predicted` are int64 `[10,000]`; `probabilities` is float32 `[10,000, 10]`.
    """

    report: dict[str, Any]
    card: dict[str, Any]
    dataset: Dataset
    true: npt.NDArray[np.int64]
    predicted: npt.NDArray[np.int64]
    probabilities: npt.NDArray[np.float32]


def evaluate(folder: Path, card: dict[str, Any], dataset: Dataset) -> Evaluation:
    """Score the SavedModel in `folder`, whose card is `card`, on all training and all test images."""
    train = predict(folder, dataset.train_images)
    test = predict(folder, dataset.test_images)
    true = dataset.test_labels.astype(np.int64)
    predicted = test.probabilities.argmax(axis=1)
    report = {
        "name": card["name"],
        "version": card["version"],
        "parameters": card["parameters"],
        "dataset": {
            "name": NAME,
            "train_images": len(dataset.train_images),
            "test_images": len(dataset.test_images),
            "labels": list(LABELS),
        },
        "epochs_run": card["epochs_run"],
        "best_epoch": card["best_epoch"],
        "history": {name: [_round(value) for value in values] for name, values in card["history"].items()},
        "train": _loss_and_accuracy(train, dataset.train_labels),
        "test": {
            **_loss_and_accuracy(test, dataset.test_labels),
            "correct": int((predicted == true).sum()),
            "incorrect": int((predicted != true).sum()),
            **_classification(true, predicted, test.probabilities),
            "confusion_matrix": confusion_matrix(true, predicted, labels=range(len(LABELS))).tolist(),
        },
        "roc_curves": {label: _roc(true == index, test.probabilities[:, index]) for index, label in enumerate(LABELS)},
        "examples": {
            "correct": _examples(np.flatnonzero(predicted == true), true, predicted, test.probabilities),
            "misclassified": _examples(np.flatnonzero(predicted != true), true, predicted, test.probabilities),
        },
        "paper": PAPER.get(card["name"]),
    }
    return Evaluation(report, card, dataset, true, predicted, test.probabilities)


def _loss_and_accuracy(prediction: Prediction, labels: npt.NDArray[np.uint8]) -> dict[str, float]:
    """Mean cross-entropy in nats, from the logits so that no tiny probability is clipped, and the share of correct labels."""
    log_probabilities = log_softmax(prediction.logits.astype(np.float64), axis=1)
    return {
        "loss": _round(-log_probabilities[np.arange(len(labels)), labels].mean()),
        "accuracy": _round((prediction.probabilities.argmax(axis=1) == labels).mean()),
    }


def _classification(
    true: npt.NDArray[np.int64], predicted: npt.NDArray[np.int64], probabilities: npt.NDArray[np.float32]
) -> dict[str, Any]:
    table = classification_report(true, predicted, labels=range(len(LABELS)), target_names=LABELS, output_dict=True, zero_division=0.0)
    per_class = {}
    for index, label in enumerate(LABELS):
        false_positive_rate, true_positive_rate, _ = roc_curve(true == index, probabilities[:, index])
        per_class[label] = {
            **_precision_recall_f1(table[label]),
            "support": int(table[label]["support"]),
            "roc_auc": _round(auc(false_positive_rate, true_positive_rate)),
        }
    return {
        "macro_avg": _precision_recall_f1(table["macro avg"]),
        "weighted_avg": _precision_recall_f1(table["weighted avg"]),
        "per_class": per_class,
    }


def _precision_recall_f1(row: dict[str, float]) -> dict[str, float]:
    return {"precision": _round(row["precision"]), "recall": _round(row["recall"]), "f1": _round(row["f1-score"])}


def _roc(positive: npt.NDArray[np.bool_], score: npt.NDArray[np.float32]) -> dict[str, list[float]]:
    false_positive_rate, true_positive_rate, _ = roc_curve(positive, score)
    # squared: most of a good classifier's curve happens at small false positive rates
    grid = np.linspace(0.0, 1.0, CURVE_POINTS) ** 2
    # the last point at or below each rate: a step that no threshold between two points could improve
    reached = np.searchsorted(false_positive_rate, grid, side="right") - 1
    return {
        "false_positive_rate": [_round(value) for value in grid],
        "true_positive_rate": [_round(value) for value in true_positive_rate[reached]],
    }


def _examples(
    indices: npt.NDArray[np.intp],
    true: npt.NDArray[np.int64],
    predicted: npt.NDArray[np.int64],
    probabilities: npt.NDArray[np.float32],
) -> list[dict[str, Any]]:
    """The first ones in the test set's order: nobody picked them."""
    return [
        {
            "test_index": int(index),
            "true": LABELS[true[index]],
            "predicted": LABELS[predicted[index]],
            "confidence": _round(probabilities[index].max()),
        }
        for index in indices[:EXAMPLES]
    ]


def _round(value: float) -> float:
    """Six digits: more than 10,000 images can tell apart, and the same on every machine."""
    return round(float(value), 6)
