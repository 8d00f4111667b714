"""The folder in which several workers count, so that each can tell what all did.

prometheus_client takes it from the environment when it is imported, so this file imports none of it.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


@contextmanager
def tally(workers: int) -> Iterator[None]:
    """Make the folder while `workers` processes serve. One worker has none: it counts in its own memory, which is quicker."""
    os.environ.pop(VARIABLE, None)  # what else it names is not of this service
    if workers == 1:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="wardrobe-") as made:
        os.environ[VARIABLE] = made
        yield


def folder() -> Path | None:
    """The folder of this service, if there is one."""
    path = os.environ.get(VARIABLE)
    return Path(path) if path else None
