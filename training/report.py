"""The evaluation as one page that a person reads, prints or sends on: no other file, no script, no request."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from PIL import Image

from training.evaluate import Evaluation
from training.plots import PLOTS

TEMPLATE = "report.html.j2"
SCORES = ("precision", "recall", "f1")


def render(evaluation: Evaluation, plots: Path) -> str:
    """The page, with the figures that `training.plots.draw` wrote to the folder `plots` inside it."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(percent=percent, signed=signed, duration=duration)
    report = evaluation.report
    return environment.get_template(TEMPLATE).render(
        report=report,
        card=evaluation.card,
        test=report["test"],
        labels=report["dataset"]["labels"],
        scores=SCORES,
        findings=findings(report["test"]),
        against_paper=against_paper(report),
        plots={name.removesuffix(".png"): _embedded(plots / name, name) for name in PLOTS},
    )


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


def against_paper(report: dict[str, Any]) -> dict[str, Any] | None:
    """The paper's figures beside ours: `totals` as rows of text, and `per_class`; None where the paper has no such model."""
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
    return {"totals": totals, "per_class": per_class}


def percent(share: float) -> str:
    """0.9138 as "91.38%": one test image in 10,000 shows."""
    return f"{100 * share:.2f}%"


def signed(difference: float, form: str) -> str:
    """A difference with its sign, a real minus sign, and no sign where nothing but zeros would follow it."""
    digits = form.format(abs(difference))
    if not digits.strip("0.,"):
        return digits
    return ("+" if difference > 0 else "\N{MINUS SIGN}") + digits


def duration(seconds: float) -> str:
    """Seconds as a person says them, such as "12 min 3 s"."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _held(name: str, ours: float, paper: float, form: str) -> dict[str, str]:
    shown, theirs = form.format(ours), form.format(paper)
    # of what is shown: a reader will subtract it again
    difference = float(shown.replace(",", "")) - float(theirs.replace(",", ""))
    return {"name": name, "ours": shown, "paper": theirs, "difference": signed(difference if "f" in form else round(difference), form)}


def _embedded(path: Path, name: str) -> dict[str, Any]:
    with Image.open(path) as image:
        width, height = image.size
    return {
        "title": PLOTS[name].title,
        "alt": PLOTS[name].alt,
        "caption": PLOTS[name].caption,
        "width": width,
        "height": height,
        "uri": f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}",
    }
