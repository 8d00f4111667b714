"""`comparison.html`: the published models held against each other, for a person: no other file, no script, no request."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib import style

from training.pages.canvas import STYLE, png
from training.pages.comparison_plots import PLOTS, RECIPES, Standings
from training.pages.html import embedded, page
from training.pages.standings import best, damaged, label, ranked, rungs, versions

PAGE = "comparison.html"
TEMPLATE = "comparison.html.j2"
MEASURED = {"reliability": "calibration", "coverage": "selection", "robustness": "robustness"}
"""Figures that show what older reports lack, and the reports' key for it."""


def write_page(models: Path, comparison: dict[str, Any], reports: list[dict[str, Any]]) -> None:
    """Write the page beside `comparison.json`.

    Raises:
        OSError: The folder can't be written to.
    """
    draft = models / f".{PAGE}.draft"
    draft.write_text(render_comparison(comparison, reports), encoding="utf-8")
    draft.replace(models / PAGE)


def render_comparison(comparison: dict[str, Any], reports: list[dict[str, Any]]) -> str:
    """The page of a comparison, as `training.compare` makes it, and of its models' newest `reports`.

    What a comparison or an older report lacks has no section, row or figure: `tests`, `study`, `ablation` and `earlier` of the
    comparison, and `intervals`, `calibration`, `selection`, `robustness` and `familiarity` of a report.
    """
    newest = ranked(comparison, reports)
    rows = versions(comparison, reports)
    robust = [report for report in newest if "robustness" in report]
    return page(
        TEMPLATE,
        comparison=comparison,
        newest=newest,
        labels=newest[0]["dataset"]["labels"],
        versions=rows,
        best=best(rows),
        robust=robust,
        damaged=damaged(robust),
        tests=[{**test, "one": label(test["one"]), "other": label(test["other"])} for test in comparison.get("tests", [])],
        study=comparison.get("study", {}),
        recipes=RECIPES,
        ladders=rungs(comparison.get("ablation", [])),
        plots=_drawn(Standings(comparison, reports)),
    )


def _drawn(standings: Standings) -> dict[str, dict[str, Any]]:
    with style.context(STYLE, after_reset=True):
        return {
            name: embedded(png(plot.drawn(standings)), plot.title, plot.alt, plot.caption)
            for name, plot in PLOTS.items()
            if _has_figures_for(name, standings)
        }


def _has_figures_for(name: str, standings: Standings) -> bool:
    if name == "seeds":
        return bool(standings.comparison.get("study"))
    return name not in MEASURED or bool(standings.having(MEASURED[name]))
