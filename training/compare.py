"""`comparison.json`: the published models held against each other and against the paper, as its chapter 4 does."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from training.ablation import climbed
from training.errors import TrainingError
from training.evidence.answers import Answers
from training.evidence.significance import paired
from training.mistakes import write_mistakes
from training.pages.comparison_page import write_page
from training.publish import published, unwritable, verify, write_json
from training.recipes import PAPER_RECIPES, RECIPES
from training.rounding import rounded
from training.study import rows_of, spread

COMPARISON = "comparison.json"


def compare(models: Path, test_images: npt.NDArray[np.uint8]) -> dict[str, Any]:
    """Compare the newest version of every published model: `comparison.json` and `.html`, `mistakes.json` and `.png`.

    `test_images`, uint8 `[n, 28, 28, 1]`, are those that the versions' stored answers are about.

    Raises:
        TrainingError: Fewer than two models are published in `models`, one is damaged or has no stored answers, or the folder
            can't be written to.
    """
    folders = published_folders(models)
    if len(folders) < 2:
        raise TrainingError(
            f"{models} holds {len(folders)} published model{'s' * (len(folders) != 1)} and a comparison needs two: "
            f"run `python -m training train all --output {models}` first"
        )
    every = {folder: _report(folder) for versions in folders.values() for folder in versions}
    reports = [every[versions[-1]] for versions in folders.values()]
    comparison = {
        **comparison_of(reports),
        "earlier": {name: [_row(every[folder]) for folder in versions[:-1]] for name, versions in folders.items() if versions[1:]},
        "tests": _tests(folders, reports),
        "study": _study(models, list(folders)),
        "ablation": [row for name in folders if name in RECIPES for row in climbed(name, RECIPES[name], models)],
    }
    newest = {name: (int(versions[-1].name), Answers.read(versions[-1])) for name, versions in folders.items()}
    try:
        write_json(models / COMPARISON, comparison)
        write_page(models, comparison, list(every.values()))
        write_mistakes(models, newest, test_images)
    except OSError as error:
        raise unwritable(models, error) from error
    return comparison


def published_folders(models: Path) -> dict[str, list[Path]]:
    """The folders of each model's versions, ascending, all of them verified."""
    homes = sorted(each for each in models.iterdir() if published(each)) if models.is_dir() else []
    folders = {home.name: [home / str(version) for version in published(home)] for home in homes}
    for folder in (each for versions in folders.values() for each in versions):
        verify(folder)
    return folders


def _report(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return content


def _tests(folders: dict[str, list[Path]], reports: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Every two models on the same images, the better one first, and each newest version against the one before it."""
    ranking = [folders[report["name"]][-1] for report in _ranked(reports)]
    pairs = [*itertools.combinations(ranking, 2), *((versions[-1], versions[-2]) for versions in folders.values() if versions[1:])]
    answers = {folder: Answers.read(folder) for pair in pairs for folder in pair}
    return [
        {
            "one": {"name": one.parent.name, "version": int(one.name)},
            "other": {"name": other.parent.name, "version": int(other.name)},
            **rounded(paired(answers[one], answers[other])),
        }
        for one, other in pairs
    ]


def _study(models: Path, names: list[str]) -> dict[str, Any]:
    """The spread of each recipe over its seeds, by model and by whether it is the paper's or the best."""
    spreads: dict[str, Any] = {}
    for name in names:
        for kind, recipes in (("paper", PAPER_RECIPES), ("best", RECIPES)):
            if name in recipes and (runs := rows_of(models, name, recipes[name])):
                spreads.setdefault(name, {})[kind] = spread(runs)
    return spreads


def comparison_of(reports: list[dict[str, Any]]) -> dict[str, Any]:
    """Rank the reports by test accuracy; differences are the best model's figure minus the runner-up's."""
    ranking = _ranked(reports)
    best, runner_up = ranking[:2]
    f1_difference = {
        label: _difference(best["test"]["per_class"][label]["f1"], runner_up["test"]["per_class"][label]["f1"])
        for label in best["dataset"]["labels"]
    }
    comparison = {
        "best": best["name"],
        "runner_up": runner_up["name"],
        "models": {report["name"]: _row(report) for report in ranking},
        "accuracy_difference": _difference(best["test"]["accuracy"], runner_up["test"]["accuracy"]),
        "loss_difference": _difference(best["test"]["loss"], runner_up["test"]["loss"]),
        "per_class_f1_difference": f1_difference,
        "per_class_best": {
            label: max(ranking, key=lambda report: report["test"]["per_class"][label]["f1"])["name"] for label in best["dataset"]["labels"]
        },
        "paper": {report["name"]: _against_paper(report) for report in ranking if report["paper"]},
    }
    comparison["summary"] = summary(ranking, comparison)
    return comparison


def summary(ranking: list[dict[str, Any]], comparison: dict[str, Any]) -> str:
    """The paper's discussion in words made from the numbers; `ranking` has the best report first."""
    best, runner_up = ranking[:2]
    one, other = best["name"].upper(), runner_up["name"].upper()
    difference = comparison["accuracy_difference"]
    of = best["dataset"]["test_images"]
    sentences = [
        f"On the same {of:,} test images the {one} classifies {best['test']['correct']:,} correctly "
        f"({best['test']['accuracy']:.2%}) and the {other} {runner_up['test']['correct']:,} ({runner_up['test']['accuracy']:.2%})"
        + (f": the {one} is better by {100 * difference:.2f} percentage points." if difference else ": neither is better."),
        f"The {one}'s test loss is {best['test']['loss']:.3f}, the {other}'s {runner_up['test']['loss']:.3f}; "
        f"macro F1 is {best['test']['macro_avg']['f1']:.3f} against {runner_up['test']['macro_avg']['f1']:.3f}.",
    ]
    by_class = comparison["per_class_f1_difference"]
    ahead = [label for label, value in by_class.items() if value > 0]
    behind = [label for label, value in by_class.items() if value < 0]
    largest = max(by_class, key=lambda label: abs(by_class[label]))
    where = "every class" if len(ahead) == len(by_class) else f"{len(ahead)} of {len(by_class)} classes"
    sentences.append(
        f"By F1 the {one} is ahead in {where}"
        + (f" and behind for {_listed(behind)}" if behind else "")
        + f"; the largest difference is for {largest} ({by_class[largest]:+.3f})."
    )
    sentences += [
        f"The {report['name'].upper()} follows with {report['test']['correct']:,} ({report['test']['accuracy']:.2%})."
        for report in ranking[2:]
    ]
    for report in ranking:
        classes = report["test"]["per_class"]
        weakest = min(classes, key=lambda label: classes[label]["f1"])
        sentences.append(f"The {report['name'].upper()}'s weakest class is {weakest} (F1 {classes[weakest]['f1']:.3f}).")
    for name, held in comparison["paper"].items():
        accuracy = held["test_accuracy"]
        sentences.append(
            f"The paper's {name.upper()} reached {accuracy['paper']:.2%} on the test images, "
            f"ours {accuracy['ours']:.2%} ({100 * accuracy['difference']:+.2f} points)."
        )
    return " ".join(sentences)


def _ranked(reports: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(reports, key=lambda report: report["test"]["accuracy"], reverse=True)


def _row(report: dict[str, Any]) -> dict[str, Any]:
    test = report["test"]
    return {
        "version": report["version"],
        "parameters": report["parameters"],
        "train": report["train"],
        "test": {key: test[key] for key in ("loss", "accuracy", "correct", "incorrect", "macro_avg", "weighted_avg")},
    }


def _against_paper(report: dict[str, Any]) -> dict[str, Any]:
    """Each figure the paper prints for this model, ours, and ours minus the paper's; `history` epoch by epoch."""
    ours, paper = report, report["paper"]
    rows: dict[str, Any] = {"parameters": _held(ours["parameters"], paper["parameters"])}
    for part in ("train", "test"):
        for figure in ("loss", "accuracy"):
            rows[f"{part}_{figure}"] = _held(ours[part][figure], paper[part][figure])
    for figure in ("correct", "incorrect"):
        rows[figure] = _held(ours["test"][figure], paper["test"][figure])
    for average in ("macro_avg", "weighted_avg"):
        rows[average] = _each(ours["test"][average], paper["test"][average])
    rows["history"] = {name: list(map(_held, ours["history"][name], values)) for name, values in paper.get("history", {}).items()}
    rows["per_class"] = {label: _each(ours["test"]["per_class"][label], row) for label, row in paper["test"]["per_class"].items()}
    return rows


def _each(ours: dict[str, float], paper: dict[str, float]) -> dict[str, Any]:
    return {figure: _held(ours[figure], paper[figure]) for figure in paper}


def _held(ours: float, paper: float) -> dict[str, float]:
    return {"ours": ours, "paper": round(paper, 6), "difference": _difference(ours, paper)}


def _difference(one: float, other: float) -> float:
    return round(one - other, 6)


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
