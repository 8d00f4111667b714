"""One recipe over several seeds: how much of a figure is the recipe's and how much is luck."""

from __future__ import annotations

import dataclasses
import json
import statistics
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from sklearn.metrics import f1_score

from training.card import code_revision, now
from training.data import Dataset
from training.evidence.classification import loss_and_accuracy
from training.fit import Fit
from training.paper import PAPER
from training.publish import published
from training.recipes import Recipe, recipe_of
from training.rounding import rounded
from training.run import export_calibrated, trained
from training.runs import add, rows
from training.savedmodel import predict

STUDY = "study.json"


def study(name: str, recipe: Recipe, seeds: int, dataset: Dataset, models: Path, console: Console) -> list[dict[str, Any]]:
    """Train the recipe with the seeds 0, 1, … that have no row yet, and store a row for each run as it ends.

    A version that was published by the same recipe and seed counts; it is not trained again.

    Returns:
        The recipe's rows.

    Raises:
        TrainingError: `models` can't be written to, or holds an unreadable study.
    """
    for seed in range(seeds):
        if seed in (row["seed"] for row in rows_of(models, name, recipe)):
            continue
        seeded = dataclasses.replace(recipe, seed=seed)
        if row := _published_row(name, seeded, models):
            add(models / STUDY, row)
            continue
        console.print(f"{name}: seed {seed}, {seed + 1} of {seeds}")
        with trained(name, seeded, dataset, models, console) as (fitted, _):  # a row that can't be stored costs no run
            add(models / STUDY, _trained_row(name, seeded, fitted, dataset))
    return rows_of(models, name, recipe)


def rows_of(models: Path, name: str, recipe: Recipe) -> list[dict[str, Any]]:
    """The stored runs of a recipe, by seed."""
    wanted = stated(recipe)
    return sorted(
        (row for row in rows(models / STUDY) if (row["model"], row["recipe"]) == (name, wanted)), key=lambda row: int(row["seed"])
    )


def spread(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Mean and standard deviation (n - 1) over the runs of one recipe, and where the paper's single figure falls among them.

    `paper.standard_deviations` is the distance of the paper's figure from the mean in standard deviations, null for a single run.
    """
    name, recipe = runs[0]["model"], runs[0]["recipe"]
    content: dict[str, Any] = {"recipe": recipe, "seeds": [run["seed"] for run in runs]}
    for figure in ("accuracy", "loss", "macro_f1"):
        values = [run["test"][figure] for run in runs]
        deviation = statistics.stdev(values) if len(values) > 1 else None
        content[figure] = {"mean": statistics.mean(values), "standard_deviation": deviation, "values": values}
        paper = PAPER.get(name, {}).get("test", {}).get(figure)
        if paper is not None:
            content[figure]["paper"] = {
                "value": paper,
                "runs_below": sum(value < paper for value in values),
                "standard_deviations": (paper - statistics.mean(values)) / deviation if deviation else None,
            }
    summarised: dict[str, Any] = rounded(content)
    return summarised


def _trained_row(name: str, recipe: Recipe, fitted: Fit, dataset: Dataset) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        export_calibrated(fitted, recipe, dataset, Path(folder))
        test = predict(Path(folder), dataset.test_images)
    predicted = test.probabilities.argmax(axis=1)
    return {
        "model": name,
        "recipe": stated(recipe),
        "seed": recipe.seed,
        "test": {
            **rounded(loss_and_accuracy(test, dataset.test_labels)),
            "macro_f1": rounded(f1_score(dataset.test_labels, predicted, average="macro", labels=np.arange(10), zero_division=0.0)),
        },
        "epochs_run": fitted.epochs_run,
        "best_epoch": fitted.best_epoch,
        "duration_s": round(sum(fitted.epoch_durations_s), 1),
        "code_revision": code_revision(),
        "created_at": now(),
    }


def _published_row(name: str, recipe: Recipe, models: Path) -> dict[str, Any] | None:
    for version in reversed(published(models / name)):
        folder = models / name / str(version)
        facts, report = (json.loads((folder / file).read_text(encoding="utf-8")) for file in ("card.json", "report.json"))
        if recipe_of(facts) == recipe:
            return {
                "model": name,
                "recipe": stated(recipe),
                "seed": recipe.seed,
                "test": {
                    "loss": report["test"]["loss"],
                    "accuracy": report["test"]["accuracy"],
                    "macro_f1": report["test"]["macro_avg"]["f1"],
                },
                **{key: facts[key] for key in ("epochs_run", "best_epoch", "duration_s", "code_revision", "created_at")},
            }
    return None


def stated(recipe: Recipe) -> dict[str, Any]:
    """The recipe's differences as they come back from a file."""
    differences: dict[str, Any] = json.loads(json.dumps(recipe.differences))
    return differences
