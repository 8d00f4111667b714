"""The summary a person reads in the terminal after a run."""

from __future__ import annotations

from pathlib import Path

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
