"""Models folders for tests: what the committed one holds, and copies put together from its versions."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from app.settings import Settings
from tests.conftest import MODELS
from training.publish import MANIFEST, checksums, write_json


def versions(models: Path) -> dict[str, list[int]]:
    """The published versions of each model, the highest first, by name."""
    homes = sorted(each for each in models.iterdir() if each.is_dir())
    return {home.name: sorted((int(each.parent.name) for each in home.glob(f"*/{MANIFEST}")), reverse=True) for home in homes}


def newest(models: Path) -> dict[str, int]:
    """The highest version of each model, by name."""
    return {name: published[0] for name, published in versions(models).items()}


NEWEST = newest(MODELS)
"""Of the committed models: what serves by default."""
LOADED = [
    (name, version)
    for name, published in versions(MODELS).items()
    for version in published[: Settings.model_fields["versions_per_model"].default]
]
"""Of the committed models: what answers when asked for by number."""


def read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def seal(version: Path) -> None:
    """Give a changed folder a manifest that fits, as only its publisher could."""
    write_json(version / MANIFEST, {"sha256": checksums(version)})


def damage(version: Path) -> Path:
    """Change a bit of its weights behind the manifest's back."""
    weights = version / "variables" / "variables.data-00000-of-00001"
    content = bytearray(weights.read_bytes())
    content[1000] ^= 1
    weights.write_bytes(content)
    return version


def publish(source: Path, models: Path, name: str, version: int, *, link: bool = False) -> Path:
    """A copy of a published version under another name or number; a quick one of links, in which a changed file must be a new one."""
    folder = Path(shutil.copytree(source, models / name / str(version), copy_function=os.link if link else shutil.copy2))
    for file in ("card.json", "report.json"):
        write_json(folder / file, {**read(folder / file), "name": name, "version": version})
    seal(folder)
    return folder


def compare(models: Path) -> None:
    """Make the committed comparison and mistakes those of the newest versions in `models`, with a page and a sprite."""
    for name in ("comparison.json", "mistakes.json"):
        content = read(MODELS / name)
        row = next(iter(content["models"].values()))
        write_json(models / name, {**content, "models": {name: {**row, "version": each} for name, each in newest(models).items()}})
    (models / "comparison.html").write_text("<!doctype html><title>Comparison</title>", encoding="utf-8")
    shutil.copyfile(MODELS / "mistakes.png", models / "mistakes.png")


def paper_models(models: Path) -> Path:
    """Version 1 of the paper's two models, and their comparison, in the new folder `models`."""
    for name in ("ann", "cnn"):
        publish(MODELS / name / "1", models, name, 1)
    compare(models)
    return models
