"""A SavedModel is a program: no engine is given a folder in which a file is not the one that was published. Five seconds."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from app.manifest import MANIFEST
from app.settings import Settings
from tests.app.folders import LOADED, NEWEST, publish
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
    most = Settings.model_fields["versions_per_model"].default + (len(BREAKS) if changed else 0)  # so that each has its turn
    with Server(models_dir=str(models), versions_per_model=most, changed=OBSERVED.format(log=str(log)) + changed) as server:
        assert server.http.get("/readyz").status_code == 200
    return set(log.read_text().split())


def copied(models: Path, folder: Path, *damages: Callable[[Path], None]) -> Path:
    """The models, and of one as many newer versions, each damaged in its own way."""
    shutil.copytree(models, copy := folder / "models")
    for version, damage in enumerate(damages, start=NEWEST["cnn"] + 1):
        damage(publish(models / "cnn" / str(NEWEST["cnn"]), copy, "cnn", version))
    return copy


def only_what_was_published(found: set[str]) -> None:
    assert {each for each in found if each.startswith("cnn/")} == {f"cnn/{version}" for name, version in LOADED if name == "cnn"}


def test_no_engine_reads_a_damaged_version(models: Path, tmp_path: Path, record: Record) -> None:
    found = opened(copied(models, tmp_path, *BREAKS), tmp_path)
    record(
        "Models as code",
        f"versions damaged in {len(BREAKS)} ways ({', '.join(each.__name__ for each in BREAKS)}): no engine is given their folders",
        f"opened: {', '.join(sorted(found))}",
    )
    only_what_was_published(found)


def test_without_verifying_it_reads_each(models: Path, tmp_path: Path) -> None:
    found = opened(copied(models, tmp_path, *BREAKS), tmp_path, UNVERIFIED)
    assert {f"cnn/{NEWEST['cnn'] + number}" for number in range(1, 1 + len(BREAKS))} <= found
    with pytest.raises(AssertionError):
        only_what_was_published(found)
