"""A study: a row for each seed, nothing trained twice, and the mean, the spread and the paper's place worked out by hand."""

from __future__ import annotations

import io
import json
import shutil
import statistics
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from sklearn.metrics import accuracy_score, f1_score, log_loss

from tests.training.conftest import REPOSITORY
from training import study as module
from training.architectures import scaled
from training.data import Dataset
from training.errors import TrainingError
from training.fit import fit
from training.paper import PAPER
from training.recipes import PAPER_RECIPES, Recipe
from training.runs import add, rows
from training.study import STUDY, rows_of, spread, study

RECIPE = Recipe("ann", epochs=1, train_images=300, trial=True)


@pytest.fixture(scope="module")
def few(dataset: Dataset) -> Dataset:
    return replace(dataset.limited(300), test_images=dataset.test_images[:400], test_labels=dataset.test_labels[:400])


@pytest.fixture
def console() -> Console:
    return Console(file=io.StringIO(), width=200)


def said(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def fail(*_: object) -> Any:
    raise AssertionError("it would have trained")


@pytest.fixture(scope="module")
def studied(few: Dataset, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    """Two seeds."""
    models = tmp_path_factory.mktemp("models")
    return models, study("ann", RECIPE, 2, few, models, Console(file=io.StringIO()))


def test_each_seed_has_a_row_with_its_own_figures(studied: tuple[Path, list[dict[str, Any]]], few: Dataset, tmp_path: Path) -> None:
    models, found = studied
    assert rows(models / STUDY) == found
    assert [(row["model"], row["seed"]) for row in found] == [("ann", 0), ("ann", 1)]
    assert found[0]["test"] != found[1]["test"]
    fitted = fit(replace(RECIPE, seed=1), few, [], tmp_path)
    probabilities = fitted.model.predict(np.asarray(scaled(few.test_images)), verbose=0)
    predicted, labels = probabilities.argmax(axis=1), list(range(10))
    exact = probabilities.astype(np.float64)
    assert found[1]["test"] == {
        "loss": pytest.approx(log_loss(few.test_labels, exact / exact.sum(axis=1, keepdims=True), labels=labels), abs=1e-5),
        "accuracy": pytest.approx(accuracy_score(few.test_labels, predicted), abs=1e-6),
        "macro_f1": pytest.approx(f1_score(few.test_labels, predicted, average="macro", labels=labels, zero_division=0.0), abs=1e-6),
    }
    assert (found[1]["epochs_run"], found[1]["best_epoch"]) == (1, 1)
    assert found[1]["recipe"] == {"epochs": 1, "train_images": 300, "trial": True}
    assert [each.name for each in models.iterdir()] == [STUDY]


def test_a_stored_row_is_not_trained_again(
    studied: tuple[Path, list[dict[str, Any]]], few: Dataset, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    models, found = studied
    before = (models / STUDY).read_bytes()
    monkeypatch.setattr(module, "trained", fail)
    assert study("ann", RECIPE, 2, few, models, console) == found
    assert (models / STUDY).read_bytes() == before
    assert said(console) == ""
    with pytest.raises(AssertionError, match="would have trained"):  # but another recipe is
        study("ann", replace(RECIPE, epochs=2), 1, few, models, console)


def test_a_killed_study_goes_on(few: Dataset, console: Console, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed behind the training of its second run, before its row was stored."""

    def strike(path: Path, row: dict[str, Any]) -> None:
        if row["seed"] == 1:
            raise KeyboardInterrupt
        add(path, row)

    monkeypatch.setattr(module, "add", strike)
    with pytest.raises(KeyboardInterrupt):
        study("ann", RECIPE, 2, few, tmp_path, console)
    assert [row["seed"] for row in rows(tmp_path / STUDY)] == [0]
    assert said(console).count("epoch 1/1") == 2
    monkeypatch.undo()
    found = study("ann", RECIPE, 2, few, tmp_path, console)
    assert [row["seed"] for row in found] == [0, 1]
    assert said(console).count("epoch 1/1") == 2  # what was trained and not stored needs no second training
    assert said(console).count("ann: seed 1, 2 of 2") == 2
    assert [each.name for each in tmp_path.iterdir()] == [STUDY]


def test_a_published_version_of_the_same_recipe_and_seed_counts(
    few: Dataset, console: Console, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one whose card is older than some of the recipe's fields: the committed ones."""
    shutil.copytree(REPOSITORY / "models" / "ann" / "1", tmp_path / "ann" / "1")
    monkeypatch.setattr(module, "trained", fail)
    (row,) = study("ann", PAPER_RECIPES["ann"], 1, few, tmp_path, console)
    card, report = (json.loads((tmp_path / "ann" / "1" / name).read_text(encoding="utf-8")) for name in ("card.json", "report.json"))
    assert row["test"] == {**{key: report["test"][key] for key in ("loss", "accuracy")}, "macro_f1": report["test"]["macro_avg"]["f1"]}
    assert (row["epochs_run"], row["created_at"]) == (card["epochs_run"], card["created_at"])
    assert rows_of(tmp_path, "ann", PAPER_RECIPES["ann"]) == [row]
    for other in (replace(PAPER_RECIPES["ann"], seed=1), replace(PAPER_RECIPES["ann"], flip=True)):
        assert module._published_row("ann", other, tmp_path) is None


def test_an_unreadable_study_is_found_before_training(
    few: Dataset, console: Console, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / STUDY).write_text("{")
    monkeypatch.setattr(module, "trained", fail)
    with pytest.raises(TrainingError, match="can't be read"):
        study("ann", RECIPE, 1, few, tmp_path, console)


def run(seed: int, accuracy: float, loss: float, model: str = "cnn") -> dict[str, Any]:
    return {"model": model, "recipe": {}, "seed": seed, "test": {"accuracy": accuracy, "loss": loss, "macro_f1": accuracy - 0.01}}


def test_the_spread_is_the_one_worked_out_by_hand() -> None:
    """Mean 0.91, deviations -0.01, 0, 0.01: their squares' sum over n - 1 is 0.0001; the paper's 0.9138 is 0.38 of 0.01 above."""
    found = spread([run(0, 0.90, 0.30), run(1, 0.92, 0.20), run(2, 0.91, 0.22)])
    assert found["seeds"] == [0, 1, 2]
    assert (found["accuracy"]["mean"], found["accuracy"]["standard_deviation"]) == (0.91, 0.01)
    assert found["accuracy"]["values"] == [0.90, 0.92, 0.91]
    assert found["accuracy"]["paper"] == {"value": 0.9138, "runs_below": 2, "standard_deviations": 0.38}
    assert found["loss"]["mean"] == 0.24
    assert found["loss"]["standard_deviation"] == pytest.approx(np.std([0.30, 0.20, 0.22], ddof=1), abs=1e-6)
    assert found["loss"]["paper"]["value"] == pytest.approx(PAPER["cnn"]["test"]["loss"], abs=1e-6)
    assert found["loss"]["paper"]["runs_below"] == 2
    assert found["loss"]["paper"]["standard_deviations"] == pytest.approx(
        (PAPER["cnn"]["test"]["loss"] - 0.24) / statistics.stdev([0.30, 0.20, 0.22]), abs=1e-5
    )
    assert "paper" not in found["macro_f1"]  # it has two digits there


def test_one_run_has_no_spread() -> None:
    found = spread([run(0, 0.90, 0.30)])
    assert (found["accuracy"]["mean"], found["accuracy"]["standard_deviation"]) == (0.9, None)
    assert found["accuracy"]["paper"] == {"value": 0.9138, "runs_below": 1, "standard_deviations": None}


def test_a_model_that_the_paper_lacks_has_no_place_in_it() -> None:
    found = spread([run(0, 0.95, 0.15, "resnet"), run(1, 0.95, 0.16, "resnet")])
    assert found["accuracy"] == {"mean": 0.95, "standard_deviation": 0.0, "values": [0.95, 0.95]}
