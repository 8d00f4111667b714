"""`comparison.json`: the published models held against each other and against the paper, as its chapter 4 does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from training.errors import TrainingError
from training.publish import published, unwritable, verify, write_json

COMPARISON = "comparison.json"


def compare(models: Path) -> dict[str, Any]:
    """Compare the newest version of every published model and write `comparison.json`.

    Raises:
        TrainingError: Fewer than two models are published in `models`, one is damaged, or the folder can't be written to.
    """
    reports = newest_reports(models)
    if len(reports) < 2:
        raise TrainingError(
            f"{models} holds {len(reports)} published model{'s' * (len(reports) != 1)} and a comparison needs two: "
            f"run `python -m training train all --output {models}` first"
        )
    comparison = comparison_of(reports)
    try:
        write_json(models / COMPARISON, comparison)
    except OSError as error:
        raise unwritable(models, error) from error
    return comparison


def newest_reports(models: Path) -> list[dict[str, Any]]:
    """The report of each model's highest version, by name."""
    homes = sorted(each for each in models.iterdir() if published(each)) if models.is_dir() else []
    newest = [home / str(published(home)[-1]) for home in homes]
    for folder in newest:
        verify(folder)
    return [json.loads((folder / "report.json").read_text(encoding="utf-8")) for folder in newest]


def comparison_of(reports: list[dict[str, Any]]) -> dict[str, Any]:
    """Rank the reports by test accuracy; differences are the best model's figure minus the runner-up's."""
    ranking = sorted(reports, key=lambda report: report["test"]["accuracy"], reverse=True)
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
    for name, rows in comparison["paper"].items():
        accuracy = rows["test_accuracy"]
        sentences.append(
            f"The paper's {name.upper()} reached {accuracy['paper']:.2%} on the test images, "
            f"ours {accuracy['ours']:.2%} ({100 * accuracy['difference']:+.2f} points)."
        )
    return " ".join(sentences)


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
