"""What lies in the models folder, told from names and times alone: whether anything changed since is a comparison of two surveys."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from app.comparison import FILES

Stamp = frozenset[tuple[str, int, int, int]]
"""Of each file its path, inode, size in bytes, and time of last change in ns: no program can set it, as it can that of modification."""


@dataclass(frozen=True)
class Home:
    """A model's folder: the stamp of each version, or why it is `unreadable`."""

    versions: Mapping[int, Stamp] = field(default_factory=dict)
    unreadable: str | None = None


@dataclass(frozen=True)
class Survey:
    """The models `folder`: each model's home by name, the stamp of the comparison beside them, and why it is `unreadable`, if it is."""

    folder: Path
    homes: Mapping[str, Home] = field(default_factory=dict)
    comparison: Stamp = frozenset()
    unreadable: str | None = None

    def home(self, name: str) -> Home:
        """The home of a model that may not have one: it is only named in the settings, or its folder went while it served."""
        return self.homes.get(name) or Home(unreadable=self.unreadable or "it has no folder")


def survey(models: Path) -> Survey:
    """Look at every version of every model."""
    try:
        names = sorted(each.name for each in models.iterdir() if each.is_dir() and not each.name.startswith("."))
    except OSError as error:
        return Survey(models, unreadable=f"the models folder can't be read ({error.strerror})")
    return Survey(models, {name: home(models / name) for name in names}, _stamp(models, FILES))


def home(folder: Path) -> Home:
    """Look at the versions in a model's folder."""
    try:
        names = [each.name for each in folder.iterdir() if each.is_dir()]
    except OSError as error:
        return Home(unreadable=f"its folder can't be read ({error.strerror})")
    return Home({int(name): _stamp(folder / name, _everything(folder / name)) for name in names if is_version(name)})


def is_version(name: str) -> bool:
    """Whether a folder is a version: a positive whole number without leading zeros. Others are drafts or strangers."""
    return name.isdecimal() and name.isascii() and not name.startswith("0")


def _everything(folder: Path) -> Iterable[str]:
    yield ""
    for path, folders, files in os.walk(folder):
        yield from (f"{path}/{name}" for name in (*folders, *files))


def _stamp(folder: Path, names: Iterable[str]) -> Stamp:
    found = []
    for name in names:
        try:
            status = (folder / name).lstat()
        except OSError:
            continue  # it is not there, or not any more
        found.append((name, status.st_ino, status.st_size, status.st_ctime_ns))
    return frozenset(found)
