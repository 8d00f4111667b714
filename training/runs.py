"""Files of finished training runs, a row each: a series that was killed goes on where it stopped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from training.errors import TrainingError
from training.publish import alone, unwritable, write_json


def rows(path: Path) -> list[dict[str, Any]]:
    """All stored rows, none where there is no file.

    Raises:
        TrainingError: The file can't be read.
    """
    try:
        runs: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["runs"]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingError(f"{path} can't be read ({error!r}): restore it, or remove it to start anew") from error
    return runs


def add(path: Path, row: dict[str, Any]) -> None:
    """Add one row; two processes may do so at once.

    Raises:
        TrainingError: The file can't be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with alone(path.parent):
            write_json(path, {"runs": [*rows(path), row]})
    except OSError as error:
        raise unwritable(path.parent, error) from error
