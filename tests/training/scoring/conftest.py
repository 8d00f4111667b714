"""The command that scores, in this process, and what it wrote."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import pytest

from tests import data
from training.__main__ import main

Images = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Outcome:
    """What one command gave back; `rows` are those of its output, none where it wrote none."""

    status: int
    said: str
    errors: str
    rows: list[dict[str, Any]]


Score = Callable[..., Outcome]


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "answers.parquet"


@pytest.fixture
def score(capfd: pytest.CaptureFixture[str], output: Path) -> Score:
    """The command on an input, into `output`."""

    def command(given: Path, *options: object) -> Outcome:
        capfd.readouterr()
        try:
            status = main(["score", str(given), str(output), *map(str, options)])
        except SystemExit as stopped:  # how argparse refuses
            status = int(stopped.code or 0)
        said = capfd.readouterr()
        return Outcome(status, said.out, said.err, pq.read_table(output).to_pylist() if output.exists() else [])

    return command


@pytest.fixture(scope="session")
def images() -> Images:
    """300 real ones, uint8 `[300, 28, 28]`."""
    return data.load()[0][..., 0]
