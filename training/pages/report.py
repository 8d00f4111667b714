"""The evaluation as one page that a person reads, prints or sends on: no other file, no script, no request."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from training.evaluate import Evaluation
from training.pages import choices
from training.pages.blocks import inputs
from training.pages.drawing import description, shape
from training.pages.findings import SCORES, against_paper, costliest, findings, kind, overconfidence
from training.pages.html import embedded, page
from training.pages.plots import PLOTS
from training.recipes import Recipe, recipe_of

TEMPLATE = "report.html.j2"
FOREIGN = {
    "digits": "handwritten digits",
    "letters": "printed letters, turned and moved",
    "noise": "drawn noise",
    "patterns": "drawn patterns",
    "photos": "pieces of two photographs",
}


def render(evaluation: Evaluation, plots: Path) -> str:
    """The page, with the figures that `training.pages.plots.draw` wrote to the folder `plots` inside it."""
    report, card = evaluation.report, evaluation.card
    recipe = recipe_of(card)
    differing, unchanged = choices.against_paper(recipe, card.get("teacher"))
    calibration = report["calibration"]
    return page(
        TEMPLATE,
        report=report,
        card=card,
        recipe=recipe,
        differing=differing,
        unchanged=unchanged,
        split=split(recipe, report),
        test=report["test"],
        labels=report["dataset"]["labels"],
        scores=SCORES,
        kind=kind(card["layers"]),
        layers=layers(card["layers"]),
        findings=findings(report["test"]),
        overconfidence={when: overconfidence(calibration[when]["bins"]) for when in ("before", "after")},
        costliest=costliest(report["robustness"]),
        foreign=FOREIGN,
        against_paper=against_paper(report),
        plots={name.removesuffix(".png"): _embedded(plots / name) for name in PLOTS},
    )


def split(recipe: Recipe, report: dict[str, Any]) -> dict[str, int]:
    """How many of the training images were `fitted`, `held_out` from the weights, and of these used for `calibration`."""
    images = report["dataset"]["train_images"]
    fitted = recipe.fitted(images).stop
    return {"fitted": fitted, "held_out": images - fitted, "calibration": report["calibration"]["images"]}


def layers(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The card's layers with `words` and `shape` as text; `reads` names the layers it reads where that isn't just the one before."""
    before: list[list[str]] = [[], *([row["name"]] for row in rows)]
    return [
        {**row, "words": description(row), "shape": shape(row), "reads": names if names != previous and index else []}
        for index, (row, names, previous) in enumerate(zip(rows, inputs(rows), before, strict=False))
    ]


def _embedded(path: Path) -> dict[str, Any]:
    plot = PLOTS[path.name]
    return embedded(path.read_bytes(), plot.title, plot.alt, plot.caption)
