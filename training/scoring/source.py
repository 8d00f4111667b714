"""What every kind of input is to the rest: numbered rows that can be read from anywhere on."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from training.errors import TrainingError


@dataclass(frozen=True)
class Block:
    """Consecutive rows: `images` is uint8 `[n, 28, 28, 1]`, zero where `errors`, by place in the block, says why there is none.

    `paths` are the rows' names, none where the input has no names.
    """

    images: npt.NDArray[np.uint8]
    paths: list[str | None] | None = None
    errors: dict[int, str] = field(default_factory=dict)


class Source(Protocol):
    """An opened and checked input. Until the first `read` it can be pickled, for another process to read it."""

    rows: int
    fingerprint: str
    """Differs where the rows may: an unfinished run goes on with the same one only."""

    def read(self, start: int, stop: int) -> Block:
        """The rows from `start` up to, without, `stop`; quickest where they follow those read last.

        Raises:
            TrainingError: The input as a whole is damaged there, or has changed since it was opened.
        """

    def close(self) -> None:
        """Let go of what `read` has opened."""


def fingerprint_of(files: Iterable[Path]) -> str:
    """Of files by their places, sizes and times of change.

    Raises:
        TrainingError: One can't be found any more.
    """
    digest = sha256()
    for path in files:
        digest.update(os.fsencode(path.resolve()) + stamp(path))
    return digest.hexdigest()


def stamp(path: str | Path) -> bytes:
    """What changes with a file's content, but for who sets back its time: its size and time of change.

    Raises:
        TrainingError: It can't be found any more.
    """
    try:
        status = os.stat(path)  # noqa: PTH116  # a path object would cost more than this, for each of a million
    except OSError as error:
        raise unreadable(Path(path), error) from error
    return b"\0%d\0%d\n" % (status.st_size, status.st_mtime_ns)


def unreadable(path: Path, error: OSError) -> TrainingError:
    """The answer to an input that the machine does not let us read."""
    return TrainingError(f"{path} can't be read ({error.strerror or error}): mend its permissions, or name another input", 2)
