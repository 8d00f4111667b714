"""A folder of image files, in one order on every machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from hashlib import sha256
from itertools import islice
from pathlib import Path

import numpy as np

from training.errors import TrainingError
from training.scoring.pictures import MOST_BYTES, PIXELS, SIDE, PictureError, decode
from training.scoring.source import Block, stamp, unreadable

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
"""Which files are images, in any case."""


class ImageFolder:
    """All image files in `folder` and below, but nothing hidden and nothing behind a link to a folder.

    The names of one folder at a time are in memory, whatever is in the others.

    Raises:
        TrainingError: A folder can't be read, or there is no image.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._walk: Iterator[str] | None = None
        self._next_row = 0
        digest, self.rows = sha256(os.fsencode(folder.resolve())), 0
        for path in files(folder, SUFFIXES):
            digest.update(os.fsencode(path) + stamp(f"{folder}/{path}"))
            self.rows += 1
        self.fingerprint = digest.hexdigest()
        if not self.rows:
            raise TrainingError(f"{folder} has no image: the files named {', '.join(SUFFIXES)} are taken, but nothing hidden", 2)

    def read(self, start: int, stop: int) -> Block:
        if self._walk is None or start < self._next_row:
            self._walk, self._next_row = files(self._folder, SUFFIXES), 0
        paths = list(islice(self._walk, start - self._next_row, stop - self._next_row))
        self._next_row = stop
        if len(paths) < stop - start:
            raise TrainingError(f"{self._folder} has lost files since it was first looked through: score it anew with --again", 2)
        images, errors = np.zeros((len(paths), PIXELS), np.uint8), {}
        for place, path in enumerate(paths):
            try:
                images[place] = np.frombuffer(decode(_content(f"{self._folder}/{path}")), np.uint8)
            except PictureError as error:
                errors[place] = str(error)
        return Block(images.reshape(-1, SIDE, SIDE, 1), [_printable(each) for each in paths], errors)

    def close(self) -> None:
        self._walk = None


def files(folder: Path, suffixes: tuple[str, ...]) -> Iterator[str]:
    """The paths below `folder` of the regular files so named, with forward slashes: each folder's own files sorted, then its folders.

    Raises:
        TrainingError: A folder can't be read.
    """
    waiting = [""]
    while waiting:
        home = waiting.pop()
        names, folders = [], []
        try:
            with os.scandir(folder / home) as entries:
                for entry in entries:
                    if entry.name.startswith("."):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.name)
                    elif entry.name.lower().endswith(suffixes) and entry.is_file():
                        names.append(entry.name)
        except OSError as error:
            raise unreadable(folder / home, error) from error
        names.sort()
        yield from (f"{home}{name}" for name in names)
        waiting += [f"{home}{name}/" for name in sorted(folders, reverse=True)]


def _content(path: str) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            return os.read(descriptor, MOST_BYTES + 1)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise PictureError(f"The file can't be read: {error.strerror}.") from error


def _printable(path: str) -> str:
    """Parquet's text is UTF-8, and a file's name any bytes."""
    return os.fsencode(path).decode(errors="backslashreplace")
