"""The folder in which several workers count, so that each can tell what all did.

prometheus_client takes it from the environment when it is imported, so this file imports none of it.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
PREFIX = "wardrobe-counts-"
LOCK = "lock"
"""A worker's first file, see `app/workers.py`."""


@contextmanager
def tally(workers: int) -> Iterator[None]:
    """Make the folder while `workers` processes serve. One worker has none: it counts in its own memory, which is quicker."""
    os.environ.pop(VARIABLE, None)  # what else it names is not of this service
    if workers == 1:
        yield
        return
    _clear_dead()
    with tempfile.TemporaryDirectory(prefix=PREFIX) as made, _alone(Path(made), wait=True):
        os.environ[VARIABLE] = made
        yield


def folder() -> Path | None:
    """The folder of this service, if there is one; made anew where a cleaner of temporary files took it."""
    if name := os.environ.get(VARIABLE):
        path = Path(name)
        path.mkdir(mode=0o700, exist_ok=True)
        return path
    return None


def _clear_dead() -> None:
    """Remove the folders of services that were killed."""
    for dead in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError), _alone(dead, wait=False):  # unless another user's, or in use
            (dead / LOCK).unlink()  # where there is none the folder is being made
            for file in dead.glob("*.db"):
                file.unlink()
            dead.rmdir()


@contextmanager
def _alone(path: Path, *, wait: bool) -> Iterator[None]:
    """Hold a lock on a folder, which ends with its process; cleaners of temporary files leave a locked folder alone.

    Raises:
        OSError: The folder can't be opened, or another process holds it and there is no `wait`.
    """
    import fcntl  # not where there is Windows, and one worker

    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
    finally:
        os.close(descriptor)
