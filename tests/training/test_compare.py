"""The comparison: who is better, by how much and where, in figures and in words that follow from them."""

from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.training.conftest import REPOSITORY, Trial
from training.compare import compare, comparison_of
from training.data import LABELS, Dataset
from training.errors import TrainingError
from training.evidence.answers import Answers
from training.paper import PAPER
from training.publish import MANIFEST, checksums, write_json
from training.recipes import RECIPES

Report = dict[str, Any]

WRITTEN = ("comparison.json", "comparison.html", "mistakes.json", "mistakes.png")


def report(name: str, correct: int, loss: float, f1: dict[str, float], paper: Report | None = None) -> Report:
    """A report of 10,000 test images; classes that `f1` does not name have 0.8."""
    averages = {"precision": 0.81, "recall": 0.82, "f1": 0.83}
    return {
        "name": name,
        "version": 3,
        "parameters": 1000,
        "history": {each: [0.5] * 20 for each in ("loss", "accuracy", "val_loss", "val_accuracy")},
        "dataset": {"name": "Fashion-MNIST", "train_images": 60_000, "test_images": 10_000, "labels": list(LABELS)},
        "train": {"loss": 0.2, "accuracy": 0.95},
        "test": {
            "loss": loss,
            "accuracy": correct / 10_000,
            "correct": correct,
            "incorrect": 10_000 - correct,
            "macro_avg": averages,
            "weighted_avg": averages,
            "per_class": {label: {"precision": 0.7, "recall": 0.9, "f1": f1.get(label, 0.8), "support": 1000} for label in LABELS},
        },
        "paper": paper,
    }


@pytest.fixture
def worse() -> Report:
    return report("ann", 8700, 0.4, {"Shirt": 0.6, "Bag": 0.97, "Coat": 0.85}, PAPER["ann"])


@pytest.fixture
def better() -> Report:
    return report("cnn", 9100, 0.25, {"Shirt": 0.75, "Bag": 0.96, "Sandal": 0.79, "Dress": 0.9}, PAPER["cnn"])


def test_the_more_accurate_model_is_the_better_one_in_any_order(worse: Report, better: Report) -> None:
    comparison = comparison_of([worse, better])
    assert comparison == comparison_of([better, worse])
    assert (comparison["best"], comparison["runner_up"]) == ("cnn", "ann")
    assert list(comparison["models"]) == ["cnn", "ann"]
    assert comparison["accuracy_difference"] == 0.04
    assert comparison["loss_difference"] == -0.15


def test_the_models_figures_stand_side_by_side(worse: Report, better: Report) -> None:
    row = comparison_of([worse, better])["models"]["ann"]
    assert (row["version"], row["parameters"], row["train"]) == (3, 1000, {"loss": 0.2, "accuracy": 0.95})
    assert (row["test"]["correct"], row["test"]["incorrect"], row["test"]["loss"]) == (8700, 1300, 0.4)
    assert row["test"]["weighted_avg"]["f1"] == 0.83


def test_classes_are_held_against_each_other(worse: Report, better: Report) -> None:
    comparison = comparison_of([worse, better])
    assert comparison["per_class_f1_difference"] == dict.fromkeys(LABELS, 0) | {
        "Shirt": 0.15,
        "Bag": -0.01,
        "Coat": -0.05,
        "Sandal": -0.01,
        "Dress": 0.1,
    }
    assert comparison["per_class_best"] == dict.fromkeys(LABELS, "cnn") | {"Bag": "ann", "Coat": "ann", "Sandal": "ann"}


def test_the_words_follow_from_the_numbers(worse: Report, better: Report) -> None:
    assert comparison_of([worse, better])["summary"] == (
        "On the same 10,000 test images the CNN classifies 9,100 correctly (91.00%) and the ANN 8,700 (87.00%): "
        "the CNN is better by 4.00 percentage points. "
        "The CNN's test loss is 0.250, the ANN's 0.400; macro F1 is 0.830 against 0.830. "
        "By F1 the CNN is ahead in 2 of 10 classes and behind for Coat, Sandal and Bag; the largest difference is for Shirt (+0.150). "
        "The CNN's weakest class is Shirt (F1 0.750). The ANN's weakest class is Shirt (F1 0.600). "
        "The paper's CNN reached 91.38% on the test images, ours 91.00% (-0.38 points). "
        "The paper's ANN reached 87.01% on the test images, ours 87.00% (-0.01 points)."
    )


def test_a_model_ahead_everywhere_and_one_behind_once_are_said_so() -> None:
    low = report("ann", 8000, 0.5, dict.fromkeys(LABELS, 0.5))
    high = report("cnn", 9000, 0.3, {})
    assert "ahead in every class; the largest difference" in comparison_of([low, high])["summary"]
    high["test"]["per_class"]["Dress"]["f1"] = 0.1
    words = comparison_of([low, high])["summary"]
    assert "ahead in 9 of 10 classes and behind for Dress; the largest difference is for Dress (-0.400)" in words


def test_a_tie_is_called_one() -> None:
    one, other = report("ann", 9000, 0.3, {}), report("cnn", 9000, 0.3, {})
    comparison = comparison_of([one, other])
    assert comparison["accuracy_difference"] == 0
    assert "(90.00%) and the CNN 9,000 (90.00%): neither is better." in comparison["summary"]
    assert set(comparison["per_class_f1_difference"].values()) == {0}


def test_of_three_models_the_first_two_are_compared_and_all_listed(worse: Report, better: Report) -> None:
    third = report("mlp", 8900, 0.3, {"Trouser": 0.99})
    comparison = comparison_of([worse, third, better])
    assert list(comparison["models"]) == ["cnn", "mlp", "ann"]
    assert comparison["runner_up"] == "mlp"
    assert comparison["accuracy_difference"] == 0.02
    assert comparison["per_class_best"]["Trouser"] == "mlp"
    assert list(comparison["paper"]) == ["cnn", "ann"]  # it has no third


def test_each_of_the_papers_figures_is_beside_ours(worse: Report, better: Report) -> None:
    rows = comparison_of([worse, better])["paper"]["ann"]
    assert rows["parameters"] == {"ours": 1000, "paper": 227_018, "difference": -226_018}
    assert rows["train_loss"] == {"ours": 0.2, "paper": 0.288117, "difference": -0.088117}
    assert rows["train_accuracy"] == {"ours": 0.95, "paper": 0.897917, "difference": 0.052083}
    assert rows["test_loss"]["paper"] == 0.377104
    assert rows["test_accuracy"] == {"ours": 0.87, "paper": 0.8701, "difference": -0.0001}
    assert (rows["correct"]["difference"], rows["incorrect"]["difference"]) == (-1, 1)
    assert rows["macro_avg"]["precision"] == {"ours": 0.81, "paper": 0.87, "difference": -0.06}
    assert rows["weighted_avg"]["f1"] == {"ours": 0.83, "paper": 0.87, "difference": -0.04}
    assert list(rows["per_class"]) == list(LABELS)
    assert rows["per_class"]["Shirt"]["f1"] == {"ours": 0.6, "paper": 0.66, "difference": -0.06}
    assert rows["per_class"]["Shirt"]["support"] == {"ours": 1000, "paper": 1000, "difference": 0}


def test_the_published_comparison_is_that_of_the_published_reports(trial: Trial) -> None:
    reports = [json.loads((trial.models / name / "1" / "report.json").read_text(encoding="utf-8")) for name in RECIPES]
    stored = json.loads((trial.models / "comparison.json").read_text(encoding="utf-8"))
    expected = comparison_of(copy.deepcopy(reports))
    assert {key: stored[key] for key in expected} == expected


def test_the_comparison_is_written_anew(models: Path, dataset: Dataset) -> None:
    written = {name: (models / name).read_bytes() for name in WRITTEN}
    for name in WRITTEN:
        (models / name).unlink()
    comparison = compare(models, dataset.test_images)
    assert {name: (models / name).read_bytes() for name in WRITTEN} == written
    assert json.loads(written["comparison.json"]) == comparison


def test_the_mistakes_beside_it_are_those_of_the_published_answers(trial: Trial, dataset: Dataset) -> None:
    index = json.loads((trial.models / "mistakes.json").read_text(encoding="utf-8"))
    assert {name: row["version"] for name, row in index["models"].items()} == dict.fromkeys(sorted(RECIPES), 1)
    answers = {name: Answers.read(trial.models / name / "1") for name in RECIPES}
    wrong = np.any([each.predicted != dataset.test_labels for each in answers.values()], axis=0)
    assert index["test_index"] == np.flatnonzero(wrong).tolist()
    for name, each in answers.items():
        assert index["models"][name]["predicted"] == each.predicted[wrong].tolist()
    with Image.open(trial.models / "mistakes.png") as sprite:
        last, columns = len(index["test_index"]) - 1, index["columns"]
        left, top = 28 * (last % columns), 28 * (last // columns)
        cell = np.asarray(sprite.crop((left, top, left + 28, top + 28)))
    assert (cell == dataset.test_images[wrong][-1, ..., 0]).all()


@pytest.mark.parametrize(("published", "words"), [(["ann"], "holds 1 published model and"), ([], "holds 0 published models and")])
def test_a_comparison_needs_two_models(published: list[str], words: str, models: Path, dataset: Dataset) -> None:
    for name in RECIPES.keys() - set(published):
        (models / name / "1" / "manifest.json").unlink()  # an incomplete version does not count
    with pytest.raises(TrainingError, match=words) as caught:
        compare(models, dataset.test_images)
    assert f"run `python -m training train all --output {models}` first" in str(caught.value)


def test_a_folder_that_is_not_there_holds_no_models(tmp_path: Path, dataset: Dataset) -> None:
    with pytest.raises(TrainingError, match="holds 0 published models"):
        compare(tmp_path / "nowhere", dataset.test_images)


def test_a_changed_report_is_not_compared(models: Path, dataset: Dataset) -> None:
    path = models / "cnn" / "1" / "report.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"correct": ', '"correct": 1'), encoding="utf-8")
    with pytest.raises(TrainingError, match=r"is not what was published \(report\.json\)"):
        compare(models, dataset.test_images)


@pytest.mark.parametrize("name", WRITTEN)
def test_a_comparison_that_cannot_be_written_is_an_answer(models: Path, dataset: Dataset, name: str) -> None:
    (models / name).unlink()
    (models / name).mkdir()
    with pytest.raises(TrainingError, match=r"can't write to .*\(Is a directory\): free some space"):
        compare(models, dataset.test_images)


def test_a_third_model_is_named_in_the_summary(tmp_path: Path) -> None:
    stored = [json.loads((REPOSITORY / "models" / name / "1" / "report.json").read_text()) for name in ("ann", "cnn")]
    third = {**stored[0], "name": "dnn", "paper": None, "test": {**stored[0]["test"], "accuracy": 0.8, "correct": 8000}}
    words = comparison_of([*stored, third])["summary"]
    assert "The DNN follows with 8,000 (80.00%)." in words
    assert "The DNN's weakest class is Shirt" in words


def test_every_two_models_are_tested_on_the_same_images_the_better_one_first(trial: Trial) -> None:
    comparison = json.loads((trial.models / "comparison.json").read_text(encoding="utf-8"))
    accuracy = {name: row["test"]["accuracy"] for name, row in comparison["models"].items()}
    assert len(comparison["tests"]) == len(RECIPES) * (len(RECIPES) - 1) / 2
    for test in comparison["tests"]:
        one, other = test["one"]["name"], test["other"]["name"]
        assert accuracy[one] >= accuracy[other]
        assert test["differences"]["accuracy"]["value"] == pytest.approx(accuracy[one] - accuracy[other], abs=2e-6)
        alone = test["mcnemar"]["one_alone_right"] - test["mcnemar"]["other_alone_right"]
        assert alone == round(10_000 * (accuracy[one] - accuracy[other]))
    assert (comparison["study"], comparison["ablation"], comparison["earlier"]) == ({}, [], {})


def test_a_new_version_is_tested_against_the_one_before_it(models: Path, dataset: Dataset) -> None:
    copied = models / "ann" / "2"
    shutil.copytree(models / "ann" / "1", copied)
    report = json.loads((copied / "report.json").read_text(encoding="utf-8"))
    write_json(copied / "report.json", report | {"version": 2})
    write_json(copied / MANIFEST, {"sha256": checksums(copied)})
    comparison = compare(models, dataset.test_images)
    assert [row["version"] for row in comparison["earlier"]["ann"]] == [1]
    assert comparison["models"]["ann"]["version"] == 2
    assert json.loads((models / "mistakes.json").read_text(encoding="utf-8"))["models"]["ann"]["version"] == 2
    last = comparison["tests"][-1]
    assert (last["one"], last["other"]) == ({"name": "ann", "version": 2}, {"name": "ann", "version": 1})
    assert last["mcnemar"]["p_value"] == 1
    assert last["differences"]["loss"] == {"value": 0, "low": 0, "high": 0}


def test_a_version_without_stored_answers_is_named_with_the_remedy(models: Path, dataset: Dataset) -> None:
    folder = models / "cnn" / "1"
    (folder / "answers.npz").unlink()
    write_json(folder / MANIFEST, {"sha256": checksums(folder)})
    with pytest.raises(TrainingError, match="run `python -m training evaluate cnn --version 1"):
        compare(models, dataset.test_images)
