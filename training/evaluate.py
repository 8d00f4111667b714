"""Everything that is measured about a published graph, from TensorFlow's run of the SavedModel."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from training.data import LABELS, NAME, Dataset
from training.evidence import familiarity
from training.evidence.calibration import before_and_after, temperature
from training.evidence.classification import classification, loss_and_accuracy, nll, roc
from training.evidence.familiarity import Familiarity
from training.evidence.foreign import foreign
from training.evidence.intervals import intervals
from training.evidence.overlap import accuracy_without, overlap
from training.evidence.ranking import confused_pairs, precision_recall
from training.evidence.robustness import robustness
from training.evidence.selection import risk_coverage
from training.paper import PAPER
from training.recipes import recipe_of
from training.rounding import rounded
from training.savedmodel import Prediction, SavedModel

EXAMPLES = 25
"""Pictures of correct and of misclassified images: as many as the paper's grids hold."""
TRIAL_IMAGES = 200
"""A trial's robustness is judged on so few of the test images: it takes a minute on all."""


@dataclass(frozen=True)
class Evaluation:
    """The report's figures, the card, and the arrays that the plots draw.

    `true`, `predicted` are int64 `[10,000]`; `probabilities` is float32 `[10,000, 10]`; `nll`, in nats, is float64 `[10,000]`.
    """

    report: dict[str, Any]
    card: dict[str, Any]
    dataset: Dataset
    true: npt.NDArray[np.int64]
    predicted: npt.NDArray[np.int64]
    probabilities: npt.NDArray[np.float32]
    nll: npt.NDArray[np.float64]


def evaluate(folder: Path, card: dict[str, Any], dataset: Dataset) -> Evaluation:
    """Score the SavedModel in `folder`, whose card is `card`, on all training and all test images."""
    graph = SavedModel(folder)
    train, test = graph.predict(dataset.train_images), graph.predict(dataset.test_images)
    true = dataset.test_labels.astype(np.int64)
    predicted = test.probabilities.argmax(axis=1)
    losses = nll(test.logits, true)
    correct = predicted == true
    classes = classification(true, predicted, test.probabilities)
    examined = slice(TRIAL_IMAGES if recipe_of(card).trial else None)
    known = _familiarity(card, dataset)
    curves = {label: (true == index, test.probabilities[:, index]) for index, label in enumerate(LABELS)}
    surest = np.argsort(-test.probabilities.max(axis=1), kind="stable")
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
        "history": card["history"],
        "train": loss_and_accuracy(train, dataset.train_labels),
        "test": {
            **loss_and_accuracy(test, true),
            "correct": int(correct.sum()),
            "incorrect": int((~correct).sum()),
            **classes,
            "intervals": intervals(true, predicted, test.probabilities, losses),
        },
        "roc_curves": {label: roc(*curve) for label, curve in curves.items()},
        "precision_recall_curves": {label: precision_recall(*curve) for label, curve in curves.items()},
        "calibration": _calibration(train, test, card, dataset),
        "selection": risk_coverage(test.probabilities.max(axis=1), correct),
        "robustness": robustness(
            lambda images: graph.predict(images).probabilities.argmax(axis=1), dataset.test_images[examined], dataset.test_labels[examined]
        ),
        "overlap": _overlap(dataset, true, predicted),
        "familiarity": _told_apart(graph, known, test, dataset.test_images) if known else None,
        "confused_pairs": confused_pairs(classes["confusion_matrix"]),
        "examples": {
            "correct": _examples(np.flatnonzero(correct), true, predicted, test.probabilities),
            "misclassified": _examples(np.flatnonzero(~correct), true, predicted, test.probabilities),
            "most_confident_mistakes": _examples(surest[~correct[surest]], true, predicted, test.probabilities),
        },
    }
    card = {**card, "familiarity": known.as_card() if known else None}
    return Evaluation({**rounded(report), "paper": PAPER.get(card["name"])}, card, dataset, true, predicted, test.probabilities, losses)


def _calibration(train: Prediction, test: Prediction, card: dict[str, Any], dataset: Dataset) -> dict[str, Any]:
    """Before and after the temperature: the graph's own, or else the one that the same images would give it."""
    in_graph = card.get("temperature", 1.0)
    calibrated = recipe_of(card).calibrated
    chosen = recipe_of(card).calibration(len(dataset.train_images))
    best = in_graph if calibrated else temperature(train.logits[chosen], dataset.train_labels[chosen])
    return {
        "in_graph": calibrated,
        "images": len(train.logits[chosen]),
        **before_and_after(test.logits * np.float32(in_graph), best, dataset.test_labels),
    }


def _familiarity(card: dict[str, Any], dataset: Dataset) -> Familiarity | None:
    """The card's own, so that a new evaluation judges what is served; learnt where it has none, and the images are enough for that."""
    if stored := card.get("familiarity"):
        return Familiarity.from_card(stored)
    recipe, images = recipe_of(card), dataset.train_images
    fitted = images[recipe.fitted(len(images))]
    if len(fitted) < familiarity.FEWEST:
        return None
    return familiarity.familiarity(fitted, images[recipe.calibration(len(images))])


def _told_apart(graph: SavedModel, known: Familiarity, test: Prediction, images: npt.NDArray[np.uint8]) -> dict[str, Any]:
    """The chosen score on foreign images, and beside it the scores that the graph's own logits would give."""
    strangers = foreign()
    logits = {name: graph.predict(each).logits for name, each in strangers.items()}
    return {**familiarity.evaluate(known, images, strangers), "alternatives": familiarity.by_logits(test.logits, logits)}


def _overlap(dataset: Dataset, true: npt.NDArray[np.int64], predicted: npt.NDArray[np.int64]) -> dict[str, Any]:
    """Which test images are in the training data too, and the accuracy without them."""
    found = overlap(dataset)
    seen = {kind: found["train"][kind]["test_indices"] for kind in ("identical", "near")}
    return {
        **found,
        "accuracy": float((predicted == true).mean()),
        "accuracy_without": {
            "identical": accuracy_without(true, predicted, seen["identical"]),
            "identical_and_near": accuracy_without(true, predicted, sorted({*seen["identical"], *seen["near"]})),
        },
    }


def _examples(
    indices: npt.NDArray[np.intp],
    true: npt.NDArray[np.int64],
    predicted: npt.NDArray[np.int64],
    probabilities: npt.NDArray[np.float32],
) -> list[dict[str, Any]]:
    """The first ones of `indices`."""
    return [
        {
            "test_index": int(index),
            "true": LABELS[true[index]],
            "predicted": LABELS[predicted[index]],
            "confidence": float(probabilities[index].max()),
        }
        for index in indices[:EXAMPLES]
    ]
