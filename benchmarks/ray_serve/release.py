"""The code as one archive, as `git archive` makes it for Ray."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

from benchmarks.serving.upload import ROOT

FOLDERS = ("app", "deploy/ray")


def release(path: Path, appended: Mapping[str, str] | None = None) -> Path:
    """Write what the checkout holds of the service to `path`; `appended` is code to put at the end of files, by their names."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(each for folder in FOLDERS for each in (ROOT / folder).rglob("*") if each.is_file()):
            if "__pycache__" not in file.parts:
                name = file.relative_to(ROOT).as_posix()
                archive.writestr(name, file.read_bytes() + (appended or {}).get(name, "").encode())
    return path
