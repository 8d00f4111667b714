"""A version's `manifest.json`: only a folder in which every file is the one that was published is ever read by an engine."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

MANIFEST = "manifest.json"


class BrokenVersionError(Exception):
    """A version's folder can't be served; the message says why."""


def verify(folder: Path) -> frozenset[str]:
    """Check every file of a version against its manifest.

    Returns:
        The files' paths, relative with forward slashes.

    Raises:
        BrokenVersionError: The manifest is missing or unreadable, or a file is missing, changed or not in it.
    """
    expected = digests(folder)
    try:
        found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if not path.is_dir() or path.is_symlink()}
    except OSError as error:
        raise BrokenVersionError(f"its folder can't be read: {error.strerror}") from error
    del found[MANIFEST]
    if missing := sorted(expected.keys() - found.keys()):
        raise BrokenVersionError(f"missing: {', '.join(missing)}")
    if extra := sorted(found.keys() - expected.keys()):
        raise BrokenVersionError(f"not in {MANIFEST}, remove: {', '.join(extra)}")
    for name, path in found.items():
        if path.is_symlink() or not path.is_file():  # a link leads out of what was published, a pipe would never end
            raise BrokenVersionError(f"{name} is not a regular file")
        try:
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError as error:
            raise BrokenVersionError(f"{name} can't be read: {error.strerror}") from error
        if digest != expected[name]:
            raise BrokenVersionError(f"{name} differs from its SHA-256 in {MANIFEST}")
    return frozenset(found)


def digests(folder: Path) -> dict[str, str]:
    """The SHA-256 of each file of a version, by its path.

    Raises:
        BrokenVersionError: The manifest is missing or unreadable.
    """
    path = folder / MANIFEST
    try:
        if path.is_symlink() or (path.exists() and not path.is_file()):
            raise BrokenVersionError(f"{MANIFEST} is not a regular file")
        content = json.loads(path.read_bytes())
        files = content["sha256"]
        if not all(isinstance(digest, str) for digest in files.values()):
            raise ValueError("a digest is not a string")
    except FileNotFoundError as error:
        raise BrokenVersionError(f"no {MANIFEST}: the version was never completely published") from error
    except OSError as error:
        raise BrokenVersionError(f"{MANIFEST} can't be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BrokenVersionError(f"{MANIFEST} is not a manifest: {error!r}") from error
    return {str(name): digest for name, digest in files.items()}
