"""Structured logs: one JSON object a line on standard output."""

from __future__ import annotations

import json
import logging
import sys
from contextlib import suppress
from typing import Any, TextIO

# what every record has, and what uvicorn adds for terminals
_KNOWN = frozenset(vars(logging.makeLogRecord({}))) | {"color_message", "message", "asctime"}
_encode = json.JSONEncoder(default=str).encode


class JSONFormatter(logging.Formatter):
    """The record's time, level, logger and message, then whatever was given as `extra`, then its traceback."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line.update(given(record))
        if record.exc_info:
            line["exc_info"] = self.formatException(record.exc_info)
        return _encode(line)


class Output(logging.StreamHandler[TextIO]):
    """Where the lines go. While it can't be written to, the service answers without a log, and says so once on standard error."""

    _failed = False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Otherwise each line that is lost is a traceback there, which takes as long as a prediction."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handleError(record)
        elif not self._failed:
            self._failed = True
            with suppress(OSError):
                sys.stderr.write(f"error: the log can't be written ({error.strerror}): the service goes on without it\n")


def given(record: logging.LogRecord) -> dict[str, Any]:
    """What was given as `extra`."""
    return {name: value for name, value in vars(record).items() if name not in _KNOWN}


def spare() -> None:
    """Leave out of every record what no line of ours shows, above all the search for the calling line ("Optimization", Logging HOWTO)."""
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False


def config(level: str) -> dict[str, Any]:
    """The `logging.config` dictionary for this service and for uvicorn alike."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": JSONFormatter}},
        "handlers": {"stdout": {"class": "app.logs.Output", "formatter": "json", "stream": "ext://sys.stdout"}},
        "root": {"level": level.upper(), "handlers": ["stdout"]},
        "loggers": {"uvicorn": {"level": level.upper(), "handlers": [], "propagate": True}},
    }
