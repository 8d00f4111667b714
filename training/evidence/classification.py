"""How well a graph classifies: the figures of the paper's chapters 2.5 and 3.5, and the curves behind them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import log_softmax
from sklearn.metrics import auc, classification_report, confusion_matrix, roc_curve

from training.data import LABELS
from training.evidence.ranking import precision_recall
from training.savedmodel import Prediction

CURVE_POINTS = 101
"""A stored ROC curve is read at so many false positive rates; plots and areas use every point."""


def nll(logits: npt.NDArray[np.float32], labels: npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
    """Cross-entropy of each image in nats, float64 `[n]`: from the logits, so that no tiny probability is clipped."""
    losses: npt.NDArray[np.float64] = -log_softmax(logits.astype(np.float64), axis=1)[np.arange(len(labels)), labels]
    return losses


def loss_and_accuracy(prediction: Prediction, labels: npt.NDArray[np.integer]) -> dict[str, float]:
    """Mean cross-entropy in nats, and the share of correct labels."""
    return {
        "loss": float(nll(prediction.logits, labels).mean()),
        "accuracy": float((prediction.probabilities.argmax(axis=1) == labels).mean()),
    }


def classification(true: npt.NDArray[np.int64], predicted: npt.NDArray[np.int64], probabilities: npt.NDArray[np.float32]) -> dict[str, Any]:
    """Precision, recall and F1 by class and on average, areas under the curves, and the confusion matrix (a row per true class)."""
    table = classification_report(true, predicted, labels=range(len(LABELS)), target_names=LABELS, output_dict=True, zero_division=0.0)
    per_class = {}
    for index, label in enumerate(LABELS):
        false_positive_rate, true_positive_rate, _ = roc_curve(true == index, probabilities[:, index])
        per_class[label] = {
            **_precision_recall_f1(table[label]),
            "support": int(table[label]["support"]),
            "roc_auc": auc(false_positive_rate, true_positive_rate),
            "average_precision": precision_recall(true == index, probabilities[:, index])["average_precision"],
        }
    return {
        "macro_avg": _precision_recall_f1(table["macro avg"]),
        "weighted_avg": _precision_recall_f1(table["weighted avg"]),
        "per_class": per_class,
        "confusion_matrix": confusion_matrix(true, predicted, labels=range(len(LABELS))).tolist(),
    }


def roc(positive: npt.NDArray[np.bool_], score: npt.NDArray[np.float32]) -> dict[str, list[float]]:
    """One class's true positive rate against its false positive rate, read at `CURVE_POINTS` of the latter."""
    false_positive_rate, true_positive_rate, _ = roc_curve(positive, score)
    # squared: most of a good classifier's curve happens at small false positive rates
    grid = np.linspace(0.0, 1.0, CURVE_POINTS) ** 2
    # the last point at or below each rate: a step that no threshold between two points could improve
    reached = np.searchsorted(false_positive_rate, grid, side="right") - 1
    return {"false_positive_rate": grid.tolist(), "true_positive_rate": true_positive_rate[reached].tolist()}


def _precision_recall_f1(row: dict[str, float]) -> dict[str, float]:
    return {"precision": row["precision"], "recall": row["recall"], "f1": row["f1-score"]}
