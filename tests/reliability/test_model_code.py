"""A SavedModel is a program: no engine is given a folder in which a file is not the one that was published. Ten seconds."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from app.manifest import MANIFEST
from tests.reliability.conftest import Record
from tests.server import Server

OBSERVED = """
import pathlib, app.runtime

def observed(engine):
    def load(folder):
        with pathlib.Path({log!r}).open("a") as file:
            file.write(f"{{folder.parent.name}}/{{folder.name}}\\n")
        return engine(folder)
    return load

app.runtime.RUNTIMES.update({{name: observed(engine) for name, engine in app.runtime.RUNTIMES.items()}})
"""
UNVERIFIED = """
import app.manifest
app.manifest.verify = lambda folder: frozenset(each.relative_to(folder).as_posix() for each in folder.rglob("*") if each.is_file())
"""


def poison(folder: Path) -> None:
    """A byte more in the graph, which the file format allows."""
    with (folder / "model.tflite").open("ab") as file:
        file.write(b"\0")


def forge(folder: Path) -> None:
    """A manifest that is right for the poisoned graph by name, and not by its digest."""
    poison(folder)
    written = json.loads((folder / MANIFEST).read_bytes())
    (folder / MANIFEST).write_text(json.dumps({**written, "sha256": {**written["sha256"], "model.tflite": "0" * 64}}))


def smuggle(folder: Path) -> None:
    """A file that was not published."""
    (folder / "assets").mkdir(exist_ok=True)
    (folder / "assets" / "custom_op.so").write_bytes(b"\x7fELF")


def link(folder: Path) -> None:
    """A graph that lies elsewhere, its content right until it is changed there."""
    elsewhere = folder.parent.parent / "elsewhere.tflite"
    (folder / "model.tflite").rename(elsewhere)
    (folder / "model.tflite").symlink_to(elsewhere)


def abandon(folder: Path) -> None:
    """A version whose publishing was cut short."""
    (folder / MANIFEST).unlink()


BREAKS: list[Callable[[Path], None]] = [poison, forge, smuggle, link, abandon]


def opened(models: Path, folder: Path, changed: str = "") -> set[str]:
    """Every folder that a server's engine was given, until it serves."""
    (log := folder / "opened.txt").touch()
    with Server(models_dir=str(models), changed=OBSERVED.format(log=str(log)) + changed) as server:
        assert server.http.get("/readyz").status_code == 200
    return set(log.read_text().split())


def copied(models: Path, folder: Path, damage: Callable[[Path], None]) -> Path:
    """The models, the newest version of one damaged."""
    shutil.copytree(models, copy := folder / "models")
    damage(copy / "cnn" / "2")
    return copy


def not_the_damaged_one(found: set[str]) -> None:
    assert "cnn/2" not in found


@pytest.mark.parametrize("damage", BREAKS, ids=lambda each: each.__name__)
def test_no_engine_reads_a_damaged_version(models: Path, tmp_path: Path, record: Record, damage: Callable[[Path], None]) -> None:
    found = opened(copied(models, tmp_path, damage), tmp_path)
    record(
        f"Model as code: {str(damage.__doc__).lower().rstrip('.')}", "no engine is given its folder", f"opened: {', '.join(sorted(found))}"
    )
    assert "cnn/1" in found
    not_the_damaged_one(found)


def test_without_verifying_it_does(models: Path, tmp_path: Path) -> None:
    found = opened(copied(models, tmp_path, poison), tmp_path, UNVERIFIED)
    with pytest.raises(AssertionError):
        not_the_damaged_one(found)
