"""The rows of the comparison page, made of the comparison and of the reports; a figure that an older report lacks is None."""

from __future__ import annotations

import math
import statistics
from typing import Any

BASE = "the paper's recipe"
"""The lowest rung of an ablation's ladder."""
WITHIN = 1.96
"""Standard errors of a 95 % interval."""
DIGITS = {"accuracy": 4, "loss": 4, "macro_f1": 4, "ece": 4, "corrupted": 3, "auroc": 3}
"""That the page shows of each figure: what looks equal counts as equal."""


def label(row: dict[str, Any]) -> str:
    """A version's name, such as "CNN 2"."""
    return f"{row['name'].upper()} {row['version']}"


def ranked(comparison: dict[str, Any], reports: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The compared versions' reports, the best first."""
    of_name = {(report["name"], report["version"]): report for report in reports}
    return [of_name[name, row["version"]] for name, row in comparison["models"].items()]


def versions(comparison: dict[str, Any], reports: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Every version with its figures, the most accurate first: of the reports, and of the comparison's rows of earlier versions."""
    rows = {(report["name"], report["version"]): report for report in reports}
    for name, earlier in comparison.get("earlier", {}).items():
        for row in earlier:
            rows.setdefault((name, row["version"]), {"name": name, **row})
    return sorted((_shown(_figures(row)) for row in rows.values()), key=lambda row: -row["accuracy"])


def best(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The best value of each figure; None where all rows have the same or none has any."""
    highest = {"accuracy": max, "macro_f1": max, "corrupted": max, "auroc": max, "loss": min, "ece": min}
    found = {}
    for figure, choose in highest.items():
        values = {row[figure] for row in rows if row[figure] is not None}
        found[figure] = choose(values) if len(values) > 1 else None
    return found


def damaged(reports: list[dict[str, Any]]) -> dict[str, list[float]]:
    """By kind of damage, each report's mean accuracy over the severities."""
    measured = [report["robustness"]["corruptions"] for report in reports]
    return {
        name: [statistics.mean(row["accuracy"] for row in corruptions[name]["severities"]) for corruptions in measured]
        for name in (measured[0] if measured else {})
    }


def rungs(ablation: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """An ablation's rows by model, each with the `change` of the validation accuracy from the row before, and the 95 % `margin` of it."""
    ladders: dict[str, list[dict[str, Any]]] = {}
    for row in ablation:
        ladder = ladders.setdefault(row["model"], [])
        accuracy, images = row["validation"]["accuracy"], row["validation"]["images"]
        below = ladder[-1]["validation"]["accuracy"] if ladder and row["ingredient"] != BASE else None
        ladder.append(
            {
                **row,
                "change": None if below is None else accuracy - below,
                "margin": WITHIN * math.sqrt(accuracy * (1 - accuracy) / images),
            }
        )
    return ladders


def _shown(figures: dict[str, Any]) -> dict[str, Any]:
    return {name: round(value, DIGITS[name]) if name in DIGITS and value is not None else value for name, value in figures.items()}


def _figures(row: dict[str, Any]) -> dict[str, Any]:
    test, calibration = row["test"], row.get("calibration")
    foreign = (row.get("familiarity") or {}).get("foreign")
    return {
        "name": row["name"],
        "version": row["version"],
        "label": label(row),
        "parameters": row["parameters"],
        "accuracy": test["accuracy"],
        "interval": test.get("intervals", {}).get("accuracy"),
        "loss": test["loss"],
        "macro_f1": test["macro_avg"]["f1"],
        "ece": calibration["after" if calibration["in_graph"] else "before"]["ece"] if calibration else None,
        "ece_before": calibration["before"]["ece"] if calibration else None,
        "ece_after": calibration["after"]["ece"] if calibration else None,
        "corrupted": row["robustness"]["mean_accuracy"] if "robustness" in row else None,
        "auroc": statistics.mean(each["auroc"] for each in foreign.values()) if foreign else None,
    }
