"""A publisher of one more version with the content of one that there is: `python -m tests.reliability.publisher SOURCE HOME HOW`.

It prints a line when it is ready, and waits for one before it begins.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from training.publish import MANIFEST, Publication, checksums, published, write_json


def in_one_step(source: Path, home: Path) -> None:
    """As `python -m training` does it."""
    with Publication(home.parent, home.name) as draft:
        _fill(draft.folder, source, draft.version)
        draft.publish()


def in_place(source: Path, home: Path) -> None:
    """As `cp` would do it."""
    version = published(home)[-1] + 1
    folder = home / str(version)
    _fill(folder, source, version)
    write_json(folder / MANIFEST, {"sha256": checksums(folder)})


WAYS = {way.__name__: way for way in (in_one_step, in_place)}


def _fill(folder: Path, source: Path, version: int) -> None:
    shutil.copytree(source, folder, dirs_exist_ok=True)
    (folder / MANIFEST).unlink()
    for file in ("card.json", "report.json"):
        write_json(folder / file, {**json.loads((folder / file).read_bytes()), "version": version})


if __name__ == "__main__":
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    WAYS[sys.argv[3]](Path(sys.argv[1]), Path(sys.argv[2]))
