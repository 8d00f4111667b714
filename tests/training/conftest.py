"""Trial runs of the real command, in processes of their own, which every test that reads a published version shares."""

from __future__ import annotations

import fcntl
import os
import pickle
import pty
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from training.data import Dataset, load
from training.recipes import RECIPES

REPOSITORY = Path(__file__).parents[2]
TRAINING = [sys.executable, "-m", "training"]
TRIAL = ["--limit", "1500", "--epochs", "2", "--output"]
AGAIN = "cnn"
"""The model that is trained a second time."""
ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if name not in {"FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLUMNS", "WARDROBE_REVISION"}
} | {"TERM": "xterm"}
LONGEST = 600
"""Seconds after which a process that hangs fails its test instead of the whole run."""


@dataclass(frozen=True)
class Trial:
    """One run of the command: what it published and said."""

    models: Path
    status: int
    output: str
    errors: str


@pytest.fixture(scope="session")
def dataset() -> Dataset:
    return load()


@pytest.fixture(scope="session")
def trials(tmp_path_factory: pytest.TempPathFactory) -> tuple[Trial, Trial]:
    """All models, with the output into a pipe, and one of them again on a terminal, where both streams are one.

    Run once for all of pytest's workers, by the one that needs it first.
    """
    home = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        home = home.parent
    stored = home / "trials.pickle"
    with (home / "trials.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stored.exists():
            stored.write_bytes(pickle.dumps(_run(home / "piped" / "models", home / "shown" / "models")))
    found: tuple[Trial, Trial] = pickle.loads(stored.read_bytes())  # noqa: S301  # our own
    return found


def _run(piped: Path, shown: Path) -> tuple[Trial, Trial]:
    command = [*TRAINING, "train", "all", *TRIAL, str(piped)]
    done = subprocess.run(command, cwd=REPOSITORY, env=ENVIRONMENT, capture_output=True, text=True, timeout=LONGEST, check=False)
    teacher = RECIPES[AGAIN].teacher
    assert teacher
    if done.returncode == 0:
        shutil.copytree(piped / teacher, shown / teacher)
    return Trial(piped, done.returncode, done.stdout, done.stderr), _on_terminal(shown)


@pytest.fixture(scope="session")
def trial(trials: tuple[Trial, Trial]) -> Trial:
    """A run whose models must stay as they were published; `models` is for tests that change them."""
    assert trials[0].status == 0, trials[0].errors
    return trials[0]


@pytest.fixture
def models(trial: Trial, tmp_path: Path) -> Path:
    """A copy of the trial's models folder."""
    return Path(shutil.copytree(trial.models, tmp_path / "models"))


def _on_terminal(models: Path) -> Trial:
    leader, follower = pty.openpty()
    shown = bytearray()
    with subprocess.Popen(
        [*TRAINING, "train", AGAIN, *TRIAL, str(models)], cwd=REPOSITORY, env=ENVIRONMENT, stdin=follower, stdout=follower, stderr=follower
    ) as process:
        os.close(follower)
        try:
            while chunk := os.read(leader, 65536):
                shown += chunk
        except OSError:  # how Linux says that the other end is closed
            pass
        finally:
            os.close(leader)
    return Trial(models, process.returncode, shown.decode(), "")
