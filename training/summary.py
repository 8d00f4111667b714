"""The summary a person reads in the terminal after a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from training.evaluate import Evaluation


def of_run(evaluation: Evaluation, folder: Path, console: Console) -> None:
    """Print a run's figures and where the report lies."""
    report, card = evaluation.report, evaluation.card
    train, test = report["train"], report["test"]
    table = Table(title=f"{report['name']} version {report['version']}", show_header=False, title_justify="left")
    table.add_column(style="bold")
    table.add_column()
    table.add_row("parameters", f"{report['parameters']:,}")
    table.add_row("epochs", f"{card['epochs_run']} run, best {card['best_epoch']}, {card['duration_s']:.0f} s")
    table.add_row("training images", f"{report['dataset']['train_images']:,}: accuracy {train['accuracy']:.4f}, loss {train['loss']:.4f}")
    table.add_row("test images", f"{report['dataset']['test_images']:,}: accuracy {test['accuracy']:.4f}, loss {test['loss']:.4f}")
    table.add_row("correct, incorrect", f"{test['correct']:,}, {test['incorrect']:,}")
    for label, row in test["per_class"].items():
        table.add_row(label, f"precision {row['precision']:.2f}  recall {row['recall']:.2f}  F1 {row['f1']:.2f}")
    table.add_row("report", Text(str(folder / "report.html"), overflow="fold"))
    console.print(table)


def of_study(name: str, spread: dict[str, Any], console: Console) -> None:
    """Print the spread of a recipe over its seeds, and where the paper's figures fall."""
    runs = len(spread["seeds"])
    table = Table(title=f"{name}: {runs} run{'s' * (runs != 1)}", title_justify="left")
    for heading in ("figure", "mean", "standard deviation", "lowest", "highest", "paper", "runs below the paper's"):
        table.add_column(heading)
    for figure in ("accuracy", "macro_f1", "loss"):
        row = spread[figure]
        paper, deviation = row.get("paper"), row["standard_deviation"]
        table.add_row(
            figure.replace("_", " "),
            f"{row['mean']:.4f}",
            "" if deviation is None else f"{deviation:.4f}",
            f"{min(row['values']):.4f}",
            f"{max(row['values']):.4f}",
            f"{paper['value']:.4f}" if paper else "",
            f"{paper['runs_below']} of {runs}" if paper else "",
        )
    console.print(table)


def of_ablation(name: str, rows: list[dict[str, Any]], console: Console) -> None:
    """Print what each rung of a ladder reached on the validation images, and what it brought."""
    table = Table(title=f"{name}: {rows[0]['validation']['images']:,} validation images", title_justify="left")
    for heading in ("with", "accuracy", "points more", "loss", "epochs", "s per epoch"):
        table.add_column(heading)
    before = None
    for row in rows:
        accuracy = row["validation"]["accuracy"]
        more = "" if before is None else f"{100 * (accuracy - before):+.2f}"
        loss = f"{row['validation']['loss']:.4f}"
        table.add_row(row["ingredient"], f"{accuracy:.4f}", more, loss, str(row["epochs_run"]), f"{row['epoch_s']:.1f}")
        before = accuracy
    console.print(table)
