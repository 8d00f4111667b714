"""The commands' work: a training run from data to published version, and a new evaluation of a published one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from training.blending import blends
from training.card import card, golden
from training.data import Dataset
from training.errors import TrainingError
from training.evaluate import Evaluation, evaluate
from training.evidence.answers import Answers
from training.evidence.calibration import temperature
from training.fit import Fit, fit
from training.pages.plots import draw
from training.pages.report import render
from training.progress import FitProgress
from training.publish import Publication, published, recover, verify, write_json
from training.recipes import Recipe
from training.resume import resumable
from training.savedmodel import convert, export, predict
from training.teacher import Teacher, teacher
from training.views import Views

LAST_DIGIT = 2e-6
"""A report has six digits, and the last may round either way on another machine."""


def train(name: str, recipe: Recipe, dataset: Dataset, models: Path, console: Console) -> Evaluation:
    """Fit, export, evaluate and publish the next version of `name`; nothing is published if any of it fails.

    A run that was killed continues after its last whole epoch.

    Raises:
        TrainingError: The models folder can't be written to.
    """
    if recipe.trial and (full := [version for version in published(models / name) if not _is_trial(models / name / str(version))]):
        raise TrainingError(
            f"{models / name} holds a fully trained version ({full[-1]}), and a trial (--limit, fewer --epochs) would be served "
            "in its place: name another folder with --output",
            2,
        )
    with Publication(models, name) as draft, trained(name, recipe, dataset, models, console) as (fitted, guide):
        with console.status(f"{name}: exporting and evaluating"):
            divisor = export_calibrated(fitted, recipe, dataset, draft.folder)
            convert(draft.folder)
            facts = card(name, draft.version, recipe, fitted, divisor, guide)
            write_json(draft.folder / "golden.json", golden(draft.folder, dataset))
            evaluation = evaluate(draft.folder, facts, dataset)
            write_report(evaluation, draft.folder)
        draft.publish()
    return evaluation


@contextmanager
def trained(name: str, recipe: Recipe, dataset: Dataset, models: Path, console: Console) -> Iterator[tuple[Fit, Teacher | None]]:
    """A fit and its teacher; a run that is killed, also within the block, continues after its last whole epoch.

    Raises:
        TrainingError: The teacher is not published in `models`, or the folder can't be written to.
    """
    guide = teacher(recipe, models)
    with resumable(models / name, recipe, guide) as backup:
        answers = guide.logits(Views(recipe.flip, recipe.shift), dataset.train_images, console) if guide else None
        blended = blends(recipe, dataset, guide, console) if guide and recipe.blends else None
        with FitProgress(name, console) as progress:
            fitted = fit(recipe, dataset, [progress], backup, answers, blended)
        yield fitted, guide


def export_calibrated(fitted: Fit, recipe: Recipe, dataset: Dataset, folder: Path) -> float:
    """Write the graph to `folder`, with the temperature that suits the calibration images if the recipe asks for it, and return that."""
    export(fitted.model, folder, mirrored=recipe.mirrored)
    if not recipe.calibrated:
        return 1.0
    chosen = recipe.calibration(len(dataset.train_images))
    divisor = temperature(predict(folder, dataset.train_images[chosen]).logits, dataset.train_labels[chosen])
    export(fitted.model, folder, divisor, recipe.mirrored)
    return divisor


def reevaluate(name: str, version: int | None, dataset: Dataset, models: Path, publish: bool = True) -> tuple[Evaluation, list[str]]:
    """Evaluate a published version again and, unless `publish` is false, give it the new report and conversion; its graph and card stay.

    Returns:
        The evaluation, and the report's keys that changed.

    Raises:
        TrainingError: There is no such published version, it is damaged, or its folder can't be written to.
    """
    if (models / name).is_dir():
        recover(models / name)
    versions = published(models / name)
    version = version or (versions[-1] if versions else None)
    if version is None or version not in versions:
        there = (
            f"published there: {', '.join(map(str, versions))}" if versions else f"train it first with `python -m training train {name}`"
        )
        raise TrainingError(f"{models / name} has no published version{f' {version}' if version else ''}: {there}", 2)
    folder = models / name / str(version)
    verify(folder)
    published_report, facts = _read(folder / "report.json"), _read(folder / "card.json")
    if trained_on := facts["recipe"]["train_images"]:
        dataset = dataset.limited(trained_on)
    evaluation = evaluate(folder, facts, dataset)
    keys = sorted(published_report.keys() | evaluation.report.keys())
    changed = [key for key in keys if not _same(published_report.get(key), evaluation.report.get(key))]
    if publish:
        with Publication(models, name, replace=version) as draft:
            shutil.copytree(folder, draft.folder, dirs_exist_ok=True)
            convert(draft.folder)
            write_report(evaluation, draft.folder)
            draft.publish()
    return evaluation, changed


def write_report(evaluation: Evaluation, folder: Path) -> None:
    """Write `report.json`, `answers.npz`, `plots/` and `report.html` beside the SavedModel in `folder`, and what the card gained."""
    write_json(folder / "card.json", evaluation.card)
    write_json(folder / "report.json", evaluation.report)
    Answers(
        evaluation.true.astype(np.uint8),
        evaluation.predicted.astype(np.uint8),
        evaluation.probabilities.max(axis=1),
        evaluation.nll.astype(np.float32),
    ).write(folder)
    draw(evaluation, folder / "plots")
    (folder / "report.html").write_text(render(evaluation, folder / "plots"), encoding="utf-8")


def _is_trial(folder: Path) -> bool:
    recipe: dict[str, Any] = _read(folder / "card.json")["recipe"]
    return bool(recipe.get("trial", recipe["train_images"]))


def _same(one: Any, other: Any) -> bool:
    """Equal but for rounding, however nested."""
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) < LAST_DIGIT
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)


def _read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content
