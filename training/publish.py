"""Publishing a version: built in a hidden sibling folder, its manifest written last, then renamed into place."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from training.errors import TrainingError

MANIFEST = "manifest.json"
VERSION = re.compile("[1-9][0-9]*")
NEEDED_BYTES = 32 * 1024 * 1024
"""A version with its plots takes about 3 MB; less free space than this is an answer before training, not after."""

REMEDY = "free some space, mend the folder's permissions, or choose another folder with --output"
DENIED = "mend its permissions (in the container: WARDROBE_UID=$(id -u) WARDROBE_GID=$(id -g)), or choose another folder with --output"


class Publication:
    """A version in the making: `with Publication(models, "cnn") as draft: …; draft.publish()`.

    `folder` is the hidden folder to fill. Leaving the block without `publish()` removes it, and what a
    killed process left behind is removed by the next publication of the same model: a lock on the folder,
    which ends with its process, tells a dead draft from one that another process is still building. A second
    lock, on the model's folder, lets one process at a time claim a version or move it into place.

    Raises:
        TrainingError: The models folder can't be written to, or its disk is nearly full.
    """

    def __init__(self, models: Path, name: str, replace: int | None = None) -> None:
        """Start the next version of `name`, or, with `replace`, an improved copy of that published version."""
        self._home = models / name
        self._replaced = replace
        self._moved = False

    def __enter__(self) -> Self:
        try:
            self._home.mkdir(parents=True, exist_ok=True)
            free = shutil.disk_usage(self._home).free
            if free < NEEDED_BYTES:
                raise TrainingError(f"{self._home} has {free:,} bytes free and needs {NEEDED_BYTES:,}: {REMEDY}")
            with alone(self._home):
                self._clear_dead_drafts()
                self.version, self.folder, self._lock = self._claim()
        except OSError as error:
            raise unwritable(self._home, error) from error
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if not self._moved:  # once it has, another process may have claimed the same folder name
            shutil.rmtree(self.folder, ignore_errors=True)
            with suppress(OSError):  # it holds a version, or another process's draft
                self._home.rmdir()
        os.close(self._lock)
        if isinstance(error, OSError):
            raise unwritable(self._home, error) from error

    def publish(self) -> Path:
        """Write the manifest and move the folder into place.

        Returns:
            The published folder.
        """
        write_json(self.folder / MANIFEST, {"sha256": checksums(self.folder)})
        for path in (*self.folder.rglob("*"), self.folder):
            flush(path)
        final = self._home / str(self.version)
        with alone(self._home):
            try:
                if self._replaced is not None:
                    final.rename(self._home / f".{self.version}.retired")
                self.folder.rename(final)
                self._moved = True
            finally:
                _clear_retired(self._home)
            flush(self._home)
        return final

    def _claim(self) -> tuple[int, Path, int]:
        taken = (int(each.name) for each in self._home.iterdir() if VERSION.fullmatch(each.name))  # even by an incomplete version
        version = self._replaced or 1 + max(taken, default=0)
        while True:
            folder = self._home / f".{version}.draft"
            try:
                folder.mkdir()
            except FileExistsError:
                if self._replaced:
                    raise TrainingError(f"another process is working on {self._home / str(version)}: wait until it has ended") from None
                version += 1
                continue
            return version, folder, _lock(folder)

    def _clear_dead_drafts(self) -> None:
        _clear_retired(self._home)
        for draft in self._home.glob(".*.draft"):
            try:
                lock = _lock(draft)
            except BlockingIOError:
                continue
            shutil.rmtree(draft)
            os.close(lock)


def recover(home: Path) -> None:
    """Bring back the version of a model's folder that a killed process was replacing.

    Raises:
        TrainingError: The folder can't be written to.
    """
    try:
        with alone(home):
            _clear_retired(home)
    except OSError as error:
        raise unwritable(home, error) from error


def published(home: Path) -> list[int]:
    """The versions in a model's folder that have a manifest, ascending."""
    folders = home.iterdir() if home.is_dir() else ()
    return sorted(int(each.name) for each in folders if VERSION.fullmatch(each.name) and (each / MANIFEST).is_file())


def verify(folder: Path) -> None:
    """Check that a published version still is what its manifest says.

    Raises:
        TrainingError: A file is missing, changed or new; the message names it.
    """
    try:
        found, expected = checksums(folder), json.loads((folder / MANIFEST).read_bytes())["sha256"]
        differing = ", ".join(sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name)))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        differing = f"{MANIFEST}: {error!r}"
    if differing:
        raise TrainingError(f"{folder} is not what was published ({differing}): restore the folder, or remove it and train again")


def checksums(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below `folder` but the manifest, by its path with forward slashes."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / MANIFEST)
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write indented JSON in one step: a reader sees the old file or the new one, never half of it."""
    draft = path.with_name(f".{path.name}.draft")
    draft.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    draft.replace(path)


def unwritable(folder: Path, error: OSError) -> TrainingError:
    """The answer to a folder that a file could not be written to."""
    remedy = DENIED if error.errno in (errno.EACCES, errno.EPERM) else REMEDY
    return TrainingError(f"can't write to {folder} ({error.strerror or error}): {remedy}")


def _clear_retired(home: Path) -> None:
    """Remove what a replacement moved aside, or move it back where the new version did not arrive."""
    for retired in home.glob(".*.retired"):
        final = home / retired.name.split(".")[1]
        if final.exists():
            shutil.rmtree(retired)
        else:
            retired.rename(final)


@contextmanager
def alone(home: Path) -> Iterator[None]:
    """Let one process at a time change what is in the folder."""
    descriptor = os.open(home, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _lock(folder: Path) -> int:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise
    return descriptor


def flush(path: Path) -> None:
    """A power cut after the rename must not find empty files behind a valid name."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
