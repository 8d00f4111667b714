"""The folder of counts: made for the service, and removed after it even where that was killed."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from app.tally import LOCK, PREFIX, VARIABLE, folder, tally
from tests.server import ROOT

SERVE_AND_DIE = """
import os, signal
from pathlib import Path
from app.tally import LOCK, folder, tally
with tally(2):
    Path(folder(), "{}").touch()
    Path(folder(), LOCK).touch()
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)  # where it was read already
    monkeypatch.setenv(VARIABLE, "")
    return tmp_path


def killed(name: str) -> None:
    """A service that was killed when it had counted in a file of this name."""
    subprocess.run([sys.executable, "-c", SERVE_AND_DIE.format(name)], cwd=ROOT, env=os.environ, check=False)


def test_the_next_service_removes_what_a_killed_one_left(temporary: Path) -> None:
    killed("counter_1.db")
    [left] = temporary.iterdir()
    assert left.name.startswith(PREFIX)
    with tally(2):
        assert list(temporary.iterdir()) == [folder()]
    assert list(temporary.iterdir()) == []


def test_what_is_in_use_stays(temporary: Path) -> None:
    with tally(2):
        used = folder()
        assert used
        (used / LOCK).touch()
        with tally(2):
            assert used.exists()
            assert folder() != used


def test_what_is_anothers_stays(temporary: Path) -> None:
    """One that is only beginning, one with a file that is not of this service, and a link to elsewhere."""
    killed("notes.txt")
    [strange] = temporary.iterdir()
    begun = temporary / f"{PREFIX}begun"
    begun.mkdir()
    elsewhere = temporary / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / LOCK).touch()
    (temporary / f"{PREFIX}link").symlink_to(elsewhere)
    with tally(2):
        assert (strange / "notes.txt").exists()
        assert begun.exists()
        assert (elsewhere / LOCK).exists()


def test_a_folder_that_a_cleaner_took_is_made_anew() -> None:
    with tally(2):
        made = folder()
        assert made
        made.rmdir()
        assert folder() == made
        assert made.is_dir()
        assert made.stat().st_mode & 0o777 == 0o700
