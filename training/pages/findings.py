"""What follows from a report's figures, and is said in words on its page."""

from __future__ import annotations

from typing import Any

from training.pages.html import signed

SCORES = ("precision", "recall", "f1")
MIDDLE = 3
"""The severity at which the kinds of damage are held against each other."""


def kind(layers: list[dict[str, Any]]) -> str:
    """What sort of network it is, from the card's `layers`."""
    types = {layer["type"] for layer in layers}
    if "Add" in types:
        return "residual convolutional network"
    return "convolutional network" if any("Conv" in each for each in types) else "fully connected network"


def findings(test: dict[str, Any]) -> dict[str, Any]:
    """The strongest and the weakest class by F1, and the pair of classes confused most often.

    `confused` is None where nothing was; otherwise it has `true`, `predicted`, `images`, and `back`, the images
    confused the other way round.
    """
    classes = test["per_class"]
    labels = list(classes)
    matrix = test["confusion_matrix"]
    errors = [(matrix[row][column], row, column) for row in range(len(labels)) for column in range(len(labels)) if row != column]
    images, row, column = max(errors, key=lambda error: error[0])
    confused = {"true": labels[row], "predicted": labels[column], "images": images, "back": matrix[column][row]}
    return {
        "strongest": max(labels, key=lambda label: classes[label]["f1"]),
        "weakest": min(labels, key=lambda label: classes[label]["f1"]),
        "confused": confused if images else None,
    }


def overconfidence(bins: list[dict[str, float]]) -> dict[str, float]:
    """The mean `confidence` and the `accuracy` over a calibration's `bins`, and their `difference`: above 0 is overconfident."""
    images = sum(each["images"] for each in bins)
    confidence, accuracy = (sum(each["images"] * each[figure] for each in bins) / images for figure in ("confidence", "accuracy"))
    return {"confidence": confidence, "accuracy": accuracy, "difference": confidence - accuracy}


def costliest(robustness: dict[str, Any]) -> dict[str, Any]:
    """The corruption that costs most accuracy at the middle severity, by `name`, with its `accuracy` there."""
    at = {name: rows["severities"][MIDDLE - 1]["accuracy"] for name, rows in robustness["corruptions"].items()}
    name = min(at, key=lambda each: at[each])
    return {"name": name, "severity": MIDDLE, "accuracy": at[name]}


def place(value: float, interval: dict[str, float]) -> str:
    """Where another's figure lies: "below", "within" or "above" the interval of ours."""
    if value < interval["low"]:
        return "below"
    return "above" if value > interval["high"] else "within"


def against_paper(report: dict[str, Any]) -> dict[str, Any] | None:
    """The paper's figures beside ours; None where the paper has no such model.

    `totals` and `per_class` are rows of text; the paper's test `accuracy` lies below, within or above (`place`) the interval of ours.
    """
    paper = report["paper"]
    if paper is None:
        return None
    totals = [_held("Parameters", report["parameters"], paper["parameters"], "{:,}")]
    for part, words in (("train", "Training"), ("test", "Test")):
        totals.append(_held(f"{words} loss", report[part]["loss"], paper[part]["loss"], "{:.4f}"))
        totals.append(_held(f"{words} accuracy", report[part]["accuracy"], paper[part]["accuracy"], "{:.4f}"))
    totals += [_held(f"Test images {each}", report["test"][each], paper["test"][each], "{:,}") for each in ("correct", "incorrect")]
    averages = {f"{each} avg": (report["test"][f"{each}_avg"], paper["test"][f"{each}_avg"]) for each in ("macro", "weighted")}
    classes = {label: (report["test"]["per_class"][label], row) for label, row in paper["test"]["per_class"].items()}
    per_class = {
        name: [_held(score, ours[score], theirs[score], "{:.2f}") for score in SCORES]
        for name, (ours, theirs) in (classes | averages).items()
    }
    accuracy = paper["test"]["accuracy"]
    lies = place(accuracy, report["test"]["intervals"]["accuracy"])
    return {"accuracy": accuracy, "place": lies, "totals": totals, "per_class": per_class}


def _held(name: str, ours: float, paper: float, form: str) -> dict[str, str]:
    shown, theirs = form.format(ours), form.format(paper)
    # of what is shown: a reader will subtract it again
    difference = float(shown.replace(",", "")) - float(theirs.replace(",", ""))
    return {"name": name, "ours": shown, "paper": theirs, "difference": signed(difference if "f" in form else round(difference), form)}
