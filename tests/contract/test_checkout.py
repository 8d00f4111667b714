"""A checkout serves, whatever git is set to do with line ends."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from app.manifest import verify
from tests.server import ROOT


@pytest.mark.parametrize("autocrlf", ["true", "input", "false"])
def test_the_manifests_fit_after_a_clone(tmp_path: Path, autocrlf: str) -> None:
    subprocess.run(["git", "clone", "-q", "-c", f"core.autocrlf={autocrlf}", str(ROOT), str(tmp_path / "clone")], check=True)
    for version in (tmp_path / "clone" / "models").glob("*/*/"):
        verify(version)
