"""The evaluation: figures worked out by hand, the same by other functions of scikit-learn, and curves and examples that hide nothing."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf
from sklearn.metrics import accuracy_score, f1_score, log_loss, precision_score, recall_score, roc_auc_score, roc_curve

from tests.training.conftest import Trial
from training.data import LABELS, Dataset
from training.evaluate import Evaluation, evaluate
from training.savedmodel import predict

CARD: dict[str, Any] = {
    "name": "hand",
    "version": 4,
    "parameters": 0,
    "epochs_run": 2,
    "best_epoch": 1,
    "recipe": {"architecture": "ann", "validation_fraction": 0.5},
}
HISTORY = {"loss": [0.12345678, 0.1], "accuracy": [0.5, 0.6], "val_loss": [0.2, 0.3], "val_accuracy": [0.5, 0.4]}
LOGIT = 3
"""Of the predicted class; the other nine are 0."""
RIGHT = math.exp(LOGIT) / (math.exp(LOGIT) + 9)
WRONG = 1 / (math.exp(LOGIT) + 9)


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SavedModel whose logits are the first ten pixels: its answers are written into the images."""
    folder = tmp_path_factory.mktemp("reader")
    module = tf.Module()

    @tf.function(input_signature=[tf.TensorSpec((None, 28, 28, 1), tf.uint8, name="image")])  # type: ignore[untyped-decorator]
    def serve(image: Any) -> dict[str, Any]:
        logits = tf.cast(image[:, 0, :10, 0], tf.float32)
        return {"probabilities": tf.nn.softmax(logits), "logits": logits}

    tf.saved_model.save(module, str(folder), signatures={"serving_default": serve})
    return folder


def images(logits: npt.ArrayLike) -> npt.NDArray[np.uint8]:
    rows = np.asarray(logits, np.uint8)
    result = np.zeros((len(rows), 28, 28, 1), np.uint8)
    result[:, 0, :10, 0] = rows
    return result


def predicting(classes: list[int]) -> npt.NDArray[np.uint8]:
    return images(LOGIT * np.eye(10, dtype=np.uint8)[classes])


TRUE = [*range(10), *range(10), 0, 0]
PREDICTED = [*range(10), 6, 1, 4, 3, 2, 5, 0, 9, 8, 7, 0, 2]
"""Of the twelve behind the first ten: 0 as 6, 2 as 4, 4 as 2, 6 as 0, 7 as 9, 9 as 7, 0 as 2; five right."""


@pytest.fixture(scope="module")
def by_hand(reader: Path) -> Evaluation:
    labels = np.array(TRUE, np.uint8)
    made = Dataset(predicting([1, 1, 2, 2]), np.array([1, 1, 2, 3], np.uint8), predicting(PREDICTED), labels)
    return evaluate(reader, CARD | {"history": HISTORY}, made)


def test_totals_are_those_worked_out_by_hand(by_hand: Evaluation) -> None:
    train, test = by_hand.report["train"], by_hand.report["test"]
    assert (test["correct"], test["incorrect"]) == (15, 7)
    assert test["accuracy"] == round(15 / 22, 6)
    assert test["loss"] == pytest.approx(-(15 * math.log(RIGHT) + 7 * math.log(WRONG)) / 22, abs=1e-6)
    assert train == {"loss": pytest.approx(-(3 * math.log(RIGHT) + math.log(WRONG)) / 4, abs=1e-6), "accuracy": 0.75}


def test_classes_are_those_worked_out_by_hand(by_hand: Evaluation) -> None:
    per_class = by_hand.report["test"]["per_class"]
    assert list(per_class) == list(LABELS)
    rows = {
        "T-shirt/top": (2 / 3, 2 / 4, 4),  # 0, 0 and one 6 are called 0; of four, two are found
        "Trouser": (1, 1, 2),
        "Pullover": (1 / 3, 1 / 2, 2),  # 2, 4 and 0 are called 2
        "Coat": (1 / 2, 1 / 2, 2),
        "Shirt": (1 / 2, 1 / 2, 2),
        "Ankle boot": (1 / 2, 1 / 2, 2),
    }
    for label, (precision, recall, support) in rows.items():
        row = per_class[label]
        assert (row["precision"], row["recall"], row["support"]) == (round(precision, 6), round(recall, 6), support), label
        assert row["f1"] == pytest.approx(2 * precision * recall / (precision + recall), abs=1e-6)
    # of 2 times 20 pairs of a Shirt and another image: 19 + 0 in the right order, 1 + 19 level
    assert per_class["Shirt"]["roc_auc"] == pytest.approx((19 + 20 / 2) / 40, abs=1e-6)
    assert per_class["Trouser"]["roc_auc"] == 1


def test_averages_are_the_mean_and_the_mean_weighted_by_support(by_hand: Evaluation) -> None:
    test = by_hand.report["test"]
    for figure in ("precision", "recall", "f1"):
        values = [row[figure] for row in test["per_class"].values()]
        supports = [row["support"] for row in test["per_class"].values()]
        assert test["macro_avg"][figure] == pytest.approx(sum(values) / 10, abs=2e-6)
        assert test["weighted_avg"][figure] == pytest.approx(np.average(values, weights=supports), abs=2e-6)


def test_the_confusion_matrix_has_a_row_for_each_true_class(by_hand: Evaluation) -> None:
    expected = [[0] * 10 for _ in range(10)]
    for true, predicted in zip(TRUE, PREDICTED, strict=True):
        expected[true][predicted] += 1
    assert by_hand.report["test"]["confusion_matrix"] == expected
    assert (expected[0][2], expected[2][0]) == (1, 0)  # so that a matrix on its side would fail


def test_facts_come_from_the_card_and_the_data(by_hand: Evaluation) -> None:
    report = by_hand.report
    assert {key: report[key] for key in CARD if key != "recipe"} == {key: CARD[key] for key in CARD if key != "recipe"}
    assert report["dataset"] == {"name": "Fashion-MNIST", "train_images": 4, "test_images": 22, "labels": list(LABELS)}
    assert report["history"]["loss"] == [0.123457, 0.1]
    assert report["paper"] is None


def test_an_overconfident_mistake_costs_its_full_loss(reader: Path) -> None:
    """A probability that float32 rounds to 0 has a finite logarithm all the same."""
    labels = np.arange(10, dtype=np.uint8)
    logits = 250 * np.eye(10, dtype=np.uint8)
    logits[0] = logits[1]
    made = Dataset(images(logits), labels, images(logits), labels)
    evaluation = evaluate(reader, CARD | {"history": HISTORY}, made)
    assert evaluation.probabilities[0, 0] == 0
    assert evaluation.report["test"]["loss"] == pytest.approx(25)


def test_a_class_that_is_never_predicted_has_precision_0(reader: Path) -> None:
    labels = np.arange(10, dtype=np.uint8)
    made = Dataset(predicting([0]), labels[:1], predicting([1, *range(1, 10)]), labels)
    row = evaluate(reader, CARD | {"history": HISTORY}, made).report["test"]["per_class"]["T-shirt/top"]
    assert (row["precision"], row["recall"], row["f1"]) == (0, 0, 0)


@pytest.fixture(scope="module", params=["ann", "cnn"])
def published(request: pytest.FixtureRequest, trial: Trial, dataset: Dataset) -> tuple[dict[str, Any], npt.NDArray[np.float32]]:
    """A trial's report, and its model's probabilities for the test images."""
    folder = trial.models / request.param / "1"
    report: dict[str, Any] = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return report, predict(folder, dataset.test_images).probabilities


def cross_entropy(true: npt.NDArray[np.uint8], probabilities: npt.NDArray[np.float32]) -> float:
    exact = probabilities.astype(np.float64)
    return float(log_loss(true, exact / exact.sum(axis=1, keepdims=True)))


def test_figures_equal_scikit_learns_other_functions(published: tuple[dict[str, Any], npt.NDArray[np.float32]], dataset: Dataset) -> None:
    report, probabilities = published
    test, true, predicted = report["test"], dataset.test_labels, probabilities.argmax(axis=1)
    assert test["accuracy"] == pytest.approx(accuracy_score(true, predicted), abs=1e-6)
    assert test["correct"] == accuracy_score(true, predicted, normalize=False)
    assert test["loss"] == pytest.approx(cross_entropy(true, probabilities), abs=1e-5)
    options: dict[str, Any] = {"average": None, "zero_division": 0.0}
    scores = {
        "precision": precision_score(true, predicted, **options),
        "recall": recall_score(true, predicted, **options),
        "f1": f1_score(true, predicted, **options),
        "roc_auc": [roc_auc_score(true == index, probabilities[:, index]) for index in range(10)],
    }
    for figure, values in scores.items():
        assert [row[figure] for row in test["per_class"].values()] == pytest.approx(list(values), abs=1e-6), figure
    macro, weighted = (
        f1_score(true, predicted, average="macro", zero_division=0.0),
        f1_score(true, predicted, average="weighted", zero_division=0.0),
    )
    assert (test["macro_avg"]["f1"], test["weighted_avg"]["f1"]) == pytest.approx((macro, weighted), abs=1e-6)
    assert [sum(row) for row in test["confusion_matrix"]] == [1000] * 10
    assert sum(test["confusion_matrix"][index][index] for index in range(10)) == test["correct"]


def test_the_training_figures_are_those_of_the_images_trained_on(trial: Trial, dataset: Dataset) -> None:
    for name in ("ann", "cnn"):
        report = json.loads((trial.models / name / "1" / "report.json").read_text(encoding="utf-8"))
        few = dataset.limited(1500)
        probabilities = predict(trial.models / name / "1", few.train_images).probabilities
        assert report["train"]["accuracy"] == pytest.approx(accuracy_score(few.train_labels, probabilities.argmax(axis=1)), abs=1e-6)
        assert report["train"]["loss"] == pytest.approx(cross_entropy(few.train_labels, probabilities), abs=1e-5)
        assert report["dataset"]["train_images"] == 1500


@pytest.mark.parametrize("index", range(10), ids=LABELS)
def test_a_stored_roc_curve_rises_to_the_corner_along_the_full_one(
    published: tuple[dict[str, Any], npt.NDArray[np.float32]], dataset: Dataset, index: int
) -> None:
    report, probabilities = published
    curve = report["roc_curves"][LABELS[index]]
    x, y = np.array(curve["false_positive_rate"]), np.array(curve["true_positive_rate"])
    assert len(x) == len(y) == 101
    assert (np.diff(x) > 0).all()
    assert (np.diff(y) >= 0).all()
    assert x[0] == 0
    assert (x[-1], y[-1]) == (1, 1)
    full_x, full_y, _ = roc_curve(dataset.test_labels == index, probabilities[:, index], drop_intermediate=False)
    for rate, reached in zip(x, y, strict=True):
        assert reached == pytest.approx(full_y[full_x <= rate + 1e-6].max(), abs=2e-3)


def test_examples_are_the_first_ones(published: tuple[dict[str, Any], npt.NDArray[np.float32]], dataset: Dataset) -> None:
    report, probabilities = published
    predicted = probabilities.argmax(axis=1)
    for kind, right in (("correct", True), ("misclassified", False)):
        examples = report["examples"][kind]
        first = [index for index in range(10_000) if (predicted[index] == dataset.test_labels[index]) == right][:25]
        assert [example["test_index"] for example in examples] == first
        for example in examples:
            index = example["test_index"]
            assert example["true"] == LABELS[dataset.test_labels[index]]
            assert example["predicted"] == LABELS[predicted[index]]
            assert example["confidence"] == pytest.approx(probabilities[index].max(), abs=1e-6)


def test_the_papers_figures_are_in_the_report(published: tuple[dict[str, Any], npt.NDArray[np.float32]]) -> None:
    report, _ = published
    assert report["paper"]["parameters"] == report["parameters"]
    assert report["paper"]["test"]["correct"] == {"ann": 8701, "cnn": 9138}[report["name"]]
