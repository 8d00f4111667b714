"""Models whose engine does something else while a file exists, for `Server(changed=…)`."""

from __future__ import annotations

from pathlib import Path

CODE = """
import re, time
from pathlib import Path
from app import runtime

real = runtime.RUNTIMES["litert"]

def faulty(folder):
    run = real(folder)

    def call(images):
        if Path(FLAG).exists():
            FAULT
        return run(images)

    return call if folder.parent.name == NAME else run

runtime.RUNTIMES["litert"] = faulty
"""
SLEEPS = "time.sleep(3600)"
HOLDS = "re.match('(a+)+b', 'a' * 80)"
"""Never ends, and never lets go of the interpreter."""
RAISES = "raise RuntimeError('tensor 17 has no buffer')"


def faulty(model: str, fault: str, flag: Path) -> str:
    """The engine of `model` does this `fault` as long as there is the file `flag`."""
    return CODE.replace("FLAG", repr(str(flag))).replace("FAULT", fault).replace("NAME", repr(model))
