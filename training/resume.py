"""Where a run keeps what it needs to continue after it was killed."""

from __future__ import annotations

import dataclasses
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import keras

from training.errors import TrainingError
from training.fit import learner, network
from training.publish import unwritable
from training.recipes import Recipe
from training.teacher import Teacher


@contextmanager
def resumable(home: Path, recipe: Recipe, teacher: Teacher | None = None) -> Iterator[Path]:
    """A hidden folder in `home` that belongs to this recipe, network and teacher; it outlives the block only if that fails.

    Raises:
        TrainingError: Another process trains the same recipe, or the folder can't be written to.
    """
    folder = home / ".training" / _digest(recipe, teacher)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise unwritable(folder, error) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise TrainingError(f"another process is training {home} by the same recipe: wait until it has ended", 2) from None
    try:
        yield folder
        shutil.rmtree(folder)
    finally:
        for half_written in folder.glob("draft.*"):
            half_written.unlink()
        for empty in (folder, folder.parent, home):
            with suppress(OSError):  # a run that has not finished an epoch leaves nothing behind
                empty.rmdir()
        os.close(lock)


def _digest(recipe: Recipe, teacher: Teacher | None) -> str:
    """A run continues only where nothing that decides its weights has changed."""
    keras.utils.clear_session()  # layer names count from one
    taught_by = [teacher.name, teacher.version] if teacher else None
    content = json.dumps([dataclasses.asdict(recipe), taught_by, learner(network(recipe), recipe).to_json()])
    return hashlib.sha256(content.encode()).hexdigest()[:16]
