"""Predictions as they are printed: JSON lines for a program; bars for one image, or a table, for a person."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Protocol

from rich.bar import Bar
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.cli.answering import Answer
from app.cli.batches import Answered
from app.schemas.predictions import Prediction

LABEL, CONFIDENCE, SECOND = 12, 10, 20
"""Widths in columns of a terminal; the file has the rest."""


class Output(Protocol):
    """A way to print answers as they come, so that none has to be kept."""

    def show(self, answers: Answered) -> None:
        """Print these."""


class Lines:
    """One line of JSON, ASCII, for each image: the API's answer or problem, and `file` before it."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def show(self, answers: Answered) -> None:
        self._console.out("\n".join(json.dumps({"file": file, **_content(answer)}) for file, answer in answers), highlight=False)


class Bars:
    """One image: its classes, the most probable first."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def show(self, answers: Answered) -> None:
        for file, answer in answers:
            if not isinstance(answer, Prediction):
                self._console.print(Text(f"{printable(file)}: {answer.detail}", "red"))
                continue
            self._console.print(Text.assemble(f"{printable(file)}: ", (answer.label, "bold"), f", says {answer.model} {answer.version}"))
            grid = Table.grid(padding=(0, 2))
            for label, share in _ranked(answer):
                grid.add_row(f"  {label}", Bar(1, 0, share, width=32, color="green"), Text(percent(share), justify="right"))
            self._console.print(grid)
            for warning in answer.warnings:
                self._console.print(Text(f"  {warning}", "yellow"))


class Rows:
    """A row for each image under one heading, and below it what a careful colleague would remark."""

    def __init__(self, console: Console, files: Sequence[str]) -> None:
        """The columns are as wide as `files`, all that will be shown, ask for and the terminal allows."""
        self._console = console
        longest = max(cell_len(printable(file)) for file in files)
        self._width = max(min(longest, console.width - LABEL - CONFIDENCE - SECOND - 6), len("file"))
        self._heading = [Text(self._row("file", "label", "confidence", "second guess"), "bold")]

    def show(self, answers: Answered) -> None:
        lines, self._heading = self._heading, []
        for file, answer in answers:
            if isinstance(answer, Prediction):
                (label, share), (second, less) = _ranked(answer)[:2]
                lines.append(Text(self._row(printable(file), label, percent(share), f"{second} {percent(less)}")))
                lines += [Text(f"  {warning}", "yellow") for warning in answer.warnings]
            else:
                lines += [Text(self._row(printable(file), "-")), Text(f"  {answer.detail}", "red")]
        self._console.print(Text("\n").join(lines), soft_wrap=True)  # at once, as a progress bar moves down for each print

    def _row(self, file: str, label: str, confidence: str = "", second: str = "") -> str:
        if cell_len(file) > self._width:  # the end of a path tells more than its beginning
            while cell_len(file) > self._width - 1:
                file = file[1:]
            file = f"…{file}"
        cells = (set_cell_size(file, self._width), set_cell_size(label, LABEL), confidence.rjust(CONFIDENCE), second)
        return "  ".join(cells).rstrip()


def printable(name: str) -> str:
    """A file's name without what would steer a terminal or can't be encoded."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in name)


def percent(share: float) -> str:
    """A share, 0 to 1, in words."""
    return f"{100 * share:.1f} %"


def _ranked(prediction: Prediction) -> list[tuple[str, float]]:
    return sorted(prediction.probabilities.items(), key=lambda each: -each[1])


def _content(answer: Answer) -> dict[str, object]:
    """As the API has it; a problem without a request has no id of one."""
    return {name: value for name, value in answer.model_dump().items() if name != "request_id" or value}
