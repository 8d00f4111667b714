"""The results as a picture: how many requests, and how long each takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt

OURS, OTHERS = "#2f6fab", "#b9c3cd"


def plot(results: dict[str, Any], path: Path) -> None:
    """Write a PNG of requests per second and of p99 at each contestant's own 80 %."""
    rows = [row for row in results["contestants"].values() if not row["ceiling"]]
    rows.sort(key=lambda row: row["saturated"]["16"]["requests_per_s"])
    titles = [row["title"] for row in rows]
    colours = [OURS if row["title"].startswith("Wardrobe") else OTHERS for row in rows]
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 0.5 * len(rows) + 1.2), sharey=True, layout="constrained")
    rates = [row["saturated"]["16"]["requests_per_s"] for row in rows]
    left.bar_label(left.barh(titles, rates, color=colours), fmt="{:,.0f}", padding=3)
    left.set(title="requests per second, one core, 16 connections", xlim=(0, 1.15 * max(rates)))
    tails = [row["at_80_percent"]["p99_ms"] for row in rows]
    right.bar_label(right.barh(titles, tails, color=colours), fmt="{:,.1f}", padding=3)
    right.set(title="p99 in ms at 80 % of the server's own peak (log scale)", xscale="log", xlim=(min(tails) / 2, 4 * max(tails)))
    for axes in (left, right):
        axes.spines[["top", "right", "bottom"]].set_visible(False)
        axes.tick_params(left=False, bottom=False, which="both", labelbottom=False)
    figure.savefig(path, dpi=110)
    plt.close(figure)
