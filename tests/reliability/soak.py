"""`python -m tests.reliability.soak`: every test of threats and faults in its long form, and the page of what they found.

File by file: first those that no other disturbs, two at a time, then each that measures how long others wait. One that fails keeps no other
from running, and the next run takes up those that did not pass. When all have, it begins anew.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from tests.groups import is_alone
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


def forget(these: list[str]) -> None:
    """Remove the figures that these files' tests left in the long form: they are measured anew, and may be called otherwise now."""
    if FIGURES.exists():
        lines = FIGURES.read_text(encoding="utf-8").splitlines(keepends=True)
        known = [(json.loads(line), line) for line in lines]
        kept = [line for found, line in known if found["form"] != "long" or found["test"].partition("::")[0] not in these]
        FIGURES.write_text("".join(kept), encoding="utf-8")


class Soak:
    """A run of files, which says how far it is."""

    def __init__(self, todo: list[str], passed: list[str]) -> None:
        self._began = time.monotonic()
        self._todo, self._passed = todo, passed
        self.failed: list[str] = []

    def run(self, file: str) -> None:
        """Note whether it passes, for a next run."""
        command = [sys.executable, "-m", "pytest", "--no-cov", "-q", "--durations=5", file]
        environment = {**os.environ, SOAK: "1"}
        done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        (self.failed if done.returncode else self._passed).append(file)
        PASSED.parent.mkdir(exist_ok=True)
        PASSED.write_text(json.dumps(self._passed) + "\n")
        through = len(self.failed) + sum(each in self._passed for each in self._todo)
        sys.stdout.write(f"{done.stdout}=== {file} {'failed' if done.returncode else 'passed'}, {through} of {len(self._todo)}, ")
        sys.stdout.write(f"after {time.monotonic() - self._began:.0f} s\n")
        sys.stdout.flush()


def main() -> int:
    """Exit status 1 if a file failed or a figure did not hold."""
    passed: list[str] = json.loads(PASSED.read_text()) if PASSED.exists() else []
    todo = [each for each in files() if each not in passed]
    forget(todo)
    soak = Soak(todo, passed)
    # those that check answers, not times
    paired = [each for each in todo if each.startswith("tests/reliability/") and not is_alone(each.removeprefix("tests/"))]
    with ThreadPoolExecutor(2) as pair:
        list(pair.map(soak.run, paired))
    for each in todo:
        if each not in paired:
            soak.run(each)
    if not soak.failed:
        PASSED.unlink(missing_ok=True)
    sys.stdout.write(f"=== failed: {', '.join(soak.failed) or 'none'}\n")
    return table.main() or bool(soak.failed)


if __name__ == "__main__":
    sys.exit(main())
