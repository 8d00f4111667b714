"""The images that were named: files, folders, standard input."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from app.cli.ending import WrongUsageError
from app.errors import BodyTooLargeError, UnprocessableImageError

STDIN = "-"
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
"""Which files of a folder are images, in any case; a file that is named itself is one whatever it is called."""


@dataclass
class Found:
    """`files` in the order given, a folder's sorted; `left_alone` counts its others. The names are held, never the images."""

    files: list[str] = field(default_factory=list)
    left_alone: int = 0


def find(paths: Iterable[str]) -> Found:
    """The images that `paths` stand for; of a folder all that is in it, but nothing hidden and nothing behind a link to a folder.

    Raises:
        WrongUsageError: A path does not exist, there is no image, or standard input is named twice.
    """
    paths = list(paths)
    if paths.count(STDIN) > 1:
        raise WrongUsageError("Standard input, -, is named more than once and can be read only once.")
    # Path.exists and Path.is_file raise where a path is too long or leads through a folder that may not be entered
    if missing := [path for path in paths if path != STDIN and not os.path.exists(path)]:  # noqa: PTH110
        raise WrongUsageError(f"There is no file or folder {', '.join(map(ascii, missing))}.")
    found = Found()
    for path in paths:
        if path != STDIN and Path(path).is_dir():
            _search(path, found)
        else:
            found.files.append(path)
    if not found.files:
        raise WrongUsageError(
            f"There is no image in {', '.join(map(ascii, paths))}: of a folder, the files named {', '.join(SUFFIXES)} are taken, "
            f"and {found.left_alone:,} others were found."
        )
    return found


def read(file: str, at_most: int) -> bytes:
    """The content of a file, or of standard input.

    Raises:
        UnprocessableImageError: It can't be read.
        BodyTooLargeError: It has more than `at_most` bytes.
    """
    try:
        if file == STDIN:
            content = sys.stdin.buffer.read(at_most + 1)
        else:
            with Path(file).open("rb") as stream:
                content = stream.read(at_most + 1)
    except OSError as error:
        raise UnprocessableImageError(f"The file can't be read: {error.strerror}.") from error
    if len(content) > at_most:
        raise BodyTooLargeError(f"The file is larger than {at_most:,} bytes: make a smaller copy, or raise WARDROBE_MAX_BODY_BYTES.")
    return content


def _search(folder: str, found: Found) -> None:
    def refuse(error: OSError) -> None:
        raise WrongUsageError(f"The folder {error.filename!a} can't be read: {error.strerror}.") from error

    for home, folders, files in os.walk(folder, onerror=refuse):
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        for name in sorted(each for each in files if not each.startswith(".")):
            path = str(Path(home, name))
            if name.lower().endswith(SUFFIXES) and os.path.isfile(path):  # noqa: PTH113
                found.files.append(path)
            else:
                found.left_alone += 1
