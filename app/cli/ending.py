"""How the command ends: the exit statuses, and what a person reads instead of a traceback."""

from __future__ import annotations

import os
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

BAD_IMAGE = 1
WRONG_USAGE = 2
UNAVAILABLE = 3
UNWRITABLE = 4
INTERRUPTED = 130
PIPE_CLOSED = 141
"""What the shell reports of any program that writes to a pipe nobody reads: 128 and SIGPIPE."""


class WrongUsageError(Exception):
    """The command can't be carried out as it was given; the message names the value and the remedy."""


class UnavailableError(Exception):
    """The service or the model that should answer is not there, or can't; the message says why and what to do."""


class Commands(TyperGroup):
    """The commands, each of whose failures ends with a sentence and its status."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except WrongUsageError as error:
            _fail(error, WRONG_USAGE)
        except UnavailableError as error:
            _fail(error, UNAVAILABLE)
        except BrokenPipeError:
            _leave(PIPE_CLOSED)
        except KeyboardInterrupt:
            _leave(INTERRUPTED)
        except OSError as error:
            what = f"{error.filename!a} can't be used" if error.filename else "The output can't be written"
            typer.echo(f"error: {what}: {error.strerror}.", err=True)
            _leave(UNWRITABLE)  # as Python would try once more to write what is left, and complain


def _fail(error: Exception, status: int) -> NoReturn:
    typer.echo(f"error: {error}", err=True)
    raise typer.Exit(status) from error


def _leave(status: int) -> NoReturn:
    """End at once: a thread may still wait for a service, and Python would wait for the thread. What was printed is written already."""
    os._exit(status)
