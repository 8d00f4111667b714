"""Every call of the OpenAPI document with input that fits it and input that does not, in sequences too, every check of schemathesis on.

Short form half a minute and the same each time; long form random, some five minutes.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.reliability.conftest import Record
from tests.server import Server

CONFIG = Path(__file__).with_name("schemathesis.toml")
EXAMPLES, MANY = 5, 100
"""Generated for each operation, beside those that follow from the document."""


def schemathesis(server: Server, folder: Path, *options: str) -> str:
    """What it printed, its exit status at the end; what it stores goes to `folder`."""
    command: list[str | Path] = [
        sys.executable,
        "-m",
        "schemathesis.cli",
        "--config-file",
        CONFIG,
        "run",
        f"{server.http.base_url}/openapi.json",
    ]
    every = ["--checks", "all", "--phases", "examples,coverage,fuzzing,stateful", "--continue-on-failure", "--no-color"]
    done = subprocess.run([*command, *every, *options], cwd=folder, capture_output=True, text=True, check=False)
    return f"{done.stdout}{done.stderr}\nexit status {done.returncode}"


def holds(printed: str) -> None:
    """No check failed, and none was left out with an operation or a phase."""
    assert printed.endswith("exit status 0"), printed[-6000:]
    selected = re.search(r"Selected: (\d+)/(\d+)\s+Tested: (\d+)", printed)
    assert selected is not None, printed
    assert len(set(selected.groups())) == 1
    assert re.findall(r"✅ (Examples|Coverage|Fuzzing|Stateful)", printed)[-4:] == ["Examples", "Coverage", "Fuzzing", "Stateful"]


def test_the_service_is_what_its_document_says(server: Server, record: Record, soak: bool, tmp_path: Path) -> None:
    how = ("--max-examples", str(MANY)) if soak else ("--max-examples", str(EXAMPLES), "--generation-deterministic")
    printed = schemathesis(server, tmp_path, *how)
    operations, cases = (re.search(pattern, printed) for pattern in (r"Tested: (\d+)", r"(\d+ generated.*)"))
    record(
        "Every call of the OpenAPI document",
        "schemathesis, every check: no failure, no 5xx",
        f"{operations[1] if operations else 'no'} operations, {cases[1] if cases else 'no cases'}",
    )
    holds(printed)
    assert not [line for line in server.logs() if line.get("level") == "ERROR" and "unexpected" in line.get("message", "")]


DEFECTS = {
    "Server error": "import app.registry as r\ndef entry(self, name): return self._entries[name]\nr.Registry.entry = entry",
    "Undocumented": "from app import errors, problems; problems.TABLE[errors.UnknownModelError] = (410, 'Gone')\n"
    "import app.routes.dependencies; problems.MEDIA_TYPE = 'application/json'",
}


@pytest.mark.parametrize("name", DEFECTS)
def test_it_finds(models: Path, tmp_path: Path, name: str) -> None:
    with Server(models_dir=str(models), changed=DEFECTS[name]) as server:
        printed = schemathesis(server, tmp_path, "--phases", "coverage", "--include-path", "/models/{name}")
    with pytest.raises(AssertionError):
        holds(printed)
    assert re.search(rf"❌ ST\d+ {name}", printed), printed
