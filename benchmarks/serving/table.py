"""The results as the table of the README."""

from __future__ import annotations

from typing import Any

HEAD = (
    "| server | requests/s | Wardrobe is | p50 / p99, 16 connections | p50 / p99 at 80 % of its peak | start | memory | installed |",
    "| --- | --- | --- | --- | --- | --- | --- | --- |",
)


def table(results: dict[str, Any]) -> str:
    """Markdown, the fastest first and the ceilings last."""
    rows = sorted(results["contestants"].values(), key=lambda row: (row["ceiling"], -row["saturated"]["16"]["requests_per_s"]))
    return "\n".join([*HEAD, *map(_row, rows)])


def in_bulk(results: dict[str, Any]) -> str:
    """A sentence on what one worker on one core does with many images at once."""
    bulk = results["scaling"]["bulk"]
    return (
        f"In bulk, one worker on one core classifies {bulk['png_per_s']:,.0f} PNG files a second in batches of 256 by the CNN, "
        f"and {bulk['tensors_per_s']:,.0f} decoded images as binary tensors of 1,024."
    )


def _row(row: dict[str, Any]) -> str:
    peak = row["saturated"]["16"]
    steady = row.get("at_80_percent")
    cells = [
        row["title"],
        f"{peak['requests_per_s']:,.0f}",
        f"{row['wardrobe_is_times_as_fast']:.2f} x",
        _latencies(peak),
        _latencies(steady) if steady else "",
        "" if row["ceiling"] else f"{row['start_s']:.1f} s",
        "" if row["ceiling"] else f"{row['resident_mb']:.0f} MB",
        "" if row["ceiling"] else f"{row['installed_mb']:,.0f} MB",
    ]
    return f"| {' | '.join(cells)} |"


def _latencies(measured: dict[str, float]) -> str:
    return f"{measured['p50_ms']:.1f} / {measured['p99_ms']:.1f} ms"
