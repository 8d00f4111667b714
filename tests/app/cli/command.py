"""Running the command as a person or a program does."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import struct
import subprocess
import sys
import termios
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.server import ROOT

COMMAND = (sys.executable, "-m", "app.cli")
ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith("WARDROBE_") and name != "COLUMNS"  # pytest's workers set it
}


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it wrote."""

    status: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


def run(*arguments: object, stdin: bytes = b"", cwd: Path = ROOT, **environment: str) -> Ended:
    """The command with both outputs in pipes."""
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        cwd=cwd,
        env={**ENVIRONMENT, "PYTHONPATH": str(ROOT), **environment},
        input=stdin,
        capture_output=True,
        timeout=120,
        check=False,
    )
    return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())


def run_on_terminal(*arguments: object, out_too: bool = True, columns: int = 100) -> Ended:
    """The command with standard error on a terminal of that width, and standard output on the same one or in a pipe."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    environment = {**ENVIRONMENT, "TERM": "xterm-256color"}
    with subprocess.Popen(
        [*COMMAND, *map(str, arguments)], cwd=ROOT, env=environment, stdout=theirs if out_too else subprocess.PIPE, stderr=theirs
    ) as process:
        os.close(theirs)
        out = process.stdout.read() if process.stdout else b""  # what the terminal is shown meanwhile fits into its buffer
        shown = b""
        with contextlib.suppress(OSError):  # how Linux says that nobody writes to a terminal any more
            while chunk := os.read(ours, 65536):
                shown += chunk
        status = process.wait(timeout=120)
    os.close(ours)
    text = shown.decode().replace("\r\n", "\n")
    return Ended(status, text if out_too else out.decode(), "" if out_too else text)
