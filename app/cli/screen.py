"""The terminal: who reads what, a progress bar for who waits, and the service's remarks."""

from __future__ import annotations

import logging
import sys

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from app.logs import given

MANY = 16
"""Images from which a person waits long enough to be shown how long."""


class _Pipe(Console):
    """A console that leaves it to the command what a closed pipe means."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


class Screen:
    """Standard output for what was asked for, standard error for all else."""

    def __init__(self) -> None:
        self.out = _Pipe(highlight=False, markup=False)
        self._err = Console(stderr=True, highlight=False)
        self._is_shown = sys.stdout.isatty()  # rich would call a pipe a terminal where FORCE_COLOR asks for colour

    def is_for_a_person(self, as_json: bool | None) -> bool:
        """Whether to print tables: on a terminal, where nothing else was asked for."""
        return self._is_shown if as_json is None else not as_json

    def progress(self, total: int) -> Progress:
        """A bar that is gone when it is full; none for few images, or where standard error is not a terminal.

        Rows that appear on a terminal would run through a bar of another console, so there it shares theirs.
        """
        return Progress(
            TextColumn("classified"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=self.out if self._is_shown else self._err,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            disable=total < MANY or not sys.stderr.isatty(),
        )

    def remark(self, text: str) -> None:
        """A line on standard error."""
        self._err.print(text, soft_wrap=True)


class _Plain(logging.Formatter):
    """A record in one line, `warning: a version is not served (model cnn, version 3, …)`; the command calls an error what ends it."""

    def format(self, record: logging.LogRecord) -> str:
        details = ", ".join(f"{name} {value}" for name, value in given(record).items())
        return " ".join(f"warning: {record.getMessage()}{f' ({details})' if details else ''}".split())


def log_to_a_person(warnings: bool) -> None:
    """What the service would log as a warning or worse goes to standard error, or nowhere."""
    handler = logging.StreamHandler(sys.stderr) if warnings else logging.NullHandler()
    handler.setFormatter(_Plain())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
