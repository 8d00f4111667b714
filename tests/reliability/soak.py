"""`python -m tests.reliability.soak`: every test of threats and faults in its long form, and the page of what they found.

File by file: one that fails keeps no other from running, and the next run takes up those that did not pass. When all have, it begins anew.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time

from tests.reliability import table
from tests.reliability.conftest import FIGURES, SOAK
from tests.server import ROOT

PASSED = ROOT / "build" / "soak.json"
"""The files that have."""


def files() -> list[str]:
    """Those of the tests that can run, relative to the repository."""
    in_docker = {each for each in table.files() if each.startswith("tests/docker/")}
    if not in_docker or (shutil.which("docker") and subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0):
        return table.files()
    sys.stdout.write(f"no Docker engine answers: left out are {', '.join(sorted(in_docker))}\n")
    return [each for each in table.files() if each not in in_docker]


def forget(file: str) -> None:
    """Remove the figures that a file's tests left in the long form: they are measured anew, and may be called otherwise now."""
    if FIGURES.exists():
        lines = FIGURES.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if not (json.loads(line)["test"].startswith(f"{file}::") and json.loads(line)["form"] == "long")]
        FIGURES.write_text("".join(kept), encoding="utf-8")


def passes(file: str) -> bool:
    forget(file)
    command = [sys.executable, "-m", "pytest", "--no-cov", "-q", "--durations=5", file]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, SOAK: "1"}, check=False).returncode == 0


def main() -> int:
    """Exit status 1 if a file failed."""
    passed: list[str] = json.loads(PASSED.read_text()) if PASSED.exists() else []
    began, failed = time.monotonic(), []
    todo = [each for each in files() if each not in passed]
    for number, file in enumerate(todo, 1):
        sys.stdout.write(f"=== {file}, {number} of {len(todo)}, after {time.monotonic() - began:.0f} s\n")
        sys.stdout.flush()
        if passes(file):
            passed.append(file)
        else:
            failed.append(file)
        PASSED.parent.mkdir(exist_ok=True)
        PASSED.write_text(json.dumps(passed) + "\n")
    if not failed:
        PASSED.unlink(missing_ok=True)
    sys.stdout.write(f"=== {len(todo)} files in {time.monotonic() - began:.0f} s; failed: {', '.join(failed) or 'none'}\n")
    return table.main() or bool(failed)


if __name__ == "__main__":
    sys.exit(main())
