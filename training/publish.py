"""Publishing a version: built in a hidden sibling folder, its manifest written last, then renamed into place."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from training.errors import TrainingError

MANIFEST = "manifest.json"
NEEDED_BYTES = 32 * 1024 * 1024
"""A version with its plots takes about 3 MB; less free space than this is an answer before training, not after."""

REMEDY = "free some space, mend the folder's permissions, or choose another folder with --output"


class Publication:
    """A version in the making: `with Publication(models, "cnn") as draft: …; draft.publish()`.

    `folder` is the hidden folder to fill. Leaving the block without `publish()` removes it, and what a
    killed process left behind is removed by the next publication of the same model: a lock on the folder,
    which ends with its process, tells a dead draft from one that another process is still building.

    Raises:
        TrainingError: The models folder can't be written to, or its disk is nearly full.
    """

    def __init__(self, models: Path, name: str, replace: int | None = None) -> None:
        """Start the next version of `name`, or, with `replace`, an improved copy of that published version."""
        self._home = models / name
        self._replaced = replace

    def __enter__(self) -> Self:
        try:
            self._home.mkdir(parents=True, exist_ok=True)
            free = shutil.disk_usage(self._home).free
            if free < NEEDED_BYTES:
                raise TrainingError(f"{self._home} has {free:,} bytes free and needs {NEEDED_BYTES:,}: {REMEDY}")
            self._clear_dead_drafts()
            self.version, self.folder, self._lock = self._claim()
        except OSError as error:
            raise _unwritable(self._home, error) from error
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        os.close(self._lock)
        shutil.rmtree(self.folder, ignore_errors=True)
        if isinstance(error, OSError):
            raise _unwritable(self._home, error) from error

    def publish(self) -> Path:
        """Write the manifest and move the folder into place.

        Returns:
            The published folder.
        """
        write_json(self.folder / MANIFEST, {"sha256": checksums(self.folder)})
        for path in (*self.folder.rglob("*"), self.folder):
            _flush(path)
        final = self._home / str(self.version)
        if self._replaced is not None:
            retired = self._home / f".{self.version}.retired"
            final.rename(retired)
            self.folder.rename(final)
            shutil.rmtree(retired)
        else:
            self.folder.rename(final)
        _flush(self._home)
        return final

    def _claim(self) -> tuple[int, Path, int]:
        version = self._replaced or 1 + max([0, *published(self._home)])
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
        for retired in self._home.glob(".*.retired"):
            final = self._home / retired.name.split(".")[1]
            if final.exists():
                shutil.rmtree(retired)
            else:  # the process died between the two renames of a replacement
                retired.rename(final)
        for draft in self._home.glob(".*.draft"):
            try:
                lock = _lock(draft)
            except BlockingIOError:
                continue
            shutil.rmtree(draft)
            os.close(lock)


def published(home: Path) -> list[int]:
    """The versions in a model's folder that have a manifest, ascending."""
    folders = home.iterdir() if home.is_dir() else ()
    return sorted(int(each.name) for each in folders if each.name.isdecimal() and (each / MANIFEST).is_file())


def checksums(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below `folder` but the manifest, by its path with forward slashes."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / MANIFEST)
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write indented JSON in one step: a reader sees the old file or the new one, never half of it."""
    draft = path.with_name(f".{path.name}.draft")
    draft.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    draft.replace(path)


def _unwritable(folder: Path, error: OSError) -> TrainingError:
    return TrainingError(f"can't write to {folder} ({error.strerror or error}): {REMEDY}")


def _lock(folder: Path) -> int:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise
    return descriptor


def _flush(path: Path) -> None:
    """A power cut after the rename must not find empty files behind a valid name."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
