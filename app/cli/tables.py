"""What is served and how good it is, for a person."""

from __future__ import annotations

from collections import Counter

from rich.console import Console
from rich.table import Table

from app.schemas.metrics import Metrics
from app.schemas.models import ModelList


def show_models(listed: ModelList, console: Console) -> None:
    """Print which version of each model answers, and why one does not."""
    table = _table("model", "state", "version", "versions", "default", "required")
    for model in listed.models:
        versions = ", ".join(f"{each.version} {each.state}" for each in model.versions)
        marks = ("yes" if each else "" for each in (model.default, model.required))
        table.add_row(model.name, model.state, "" if model.version is None else str(model.version), versions, *marks)
    console.print(table)
    for model in listed.models:
        reasons = [f"version {each.version}: {each.reason}" for each in model.versions if each.reason]
        for reason in reasons or ([model.reason] if model.reason else []):
            console.print(" ".join(f"{model.name}: {reason}".split()), style="red", soft_wrap=True)


def show_metrics(metrics: Metrics, console: Console) -> None:
    """Print the test figures of each model, the best first, and the comparison in words."""
    confidences = Counter(model.test.intervals.confidence for model in metrics.models.values() if model.test.intervals)
    interval = f"{100 * confidences.most_common(1)[0][0]:.0f} % interval" if confidences else "interval"
    table = _table("model", "version", "parameters", "accuracy", interval, "loss", "macro F1")
    for name, model in sorted(metrics.models.items(), key=lambda each: -each[1].test.accuracy):
        test = model.test
        accuracy = test.intervals.accuracy if test.intervals else None
        table.add_row(
            name,
            str(model.version),
            f"{model.parameters:,}",
            f"{test.accuracy:.4f}",
            f"{accuracy.low:.4f} to {accuracy.high:.4f}" if accuracy else "",
            f"{test.loss:.4f}",
            f"{test.macro_avg.f1:.4f}",
        )
    console.print(table)
    if metrics.dataset:
        console.print(f"On the {metrics.dataset.test_images:,} test images of {metrics.dataset.name}.")
    if metrics.comparison:
        console.print(metrics.comparison.summary)


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for heading in headings:
        table.add_column(heading)
    return table
