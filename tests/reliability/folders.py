"""Models folders as they break."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from training.publish import MANIFEST

UNPRIVILEGED = """
import os, sys
if os.geteuid() == 0 and "app" in sys.orig_argv and not os.environ.get("UNPRIVILEGED"):  # root reads whatever is forbidden
    os.environ["UNPRIVILEGED"] = "yes"
    rights = "-dac_override,-dac_read_search"
    os.execvp("setpriv", ["setpriv", f"--bounding-set={rights}", f"--inh-caps={rights}", *sys.orig_argv])
"""
"""For `Server(changed=…)`: even root's server is refused what the permissions forbid."""


def files(version: Path) -> list[str]:
    """Every file of a version, relative, its manifest last."""
    found = sorted(path.relative_to(version).as_posix() for path in version.rglob("*") if path.is_file())
    return [*(each for each in found if each != MANIFEST), MANIFEST]


def flip(path: Path, position: float = 0.5) -> None:
    """Change one bit at a place between 0, the first byte, and 1, the last."""
    content = bytearray(path.read_bytes())
    content[int(position * (len(content) - 1))] ^= 1
    _replace(path, bytes(content))


def truncate(path: Path) -> None:
    content = path.read_bytes()
    _replace(path, content[: len(content) // 2])


def remove(path: Path) -> None:
    path.unlink()


DAMAGES: tuple[Callable[[Path], None], ...] = (flip, truncate, remove)


def damages(version: Path) -> Iterator[tuple[str, Callable[[Path], None], str]]:
    """Each damage to each file: a name, the damage and the file."""
    for file in files(version):
        for damage in DAMAGES:
            yield f"{damage.__name__}-{file.replace('/', '-')}".lower(), damage, file


def _replace(path: Path, content: bytes) -> None:
    path.unlink()  # it may be a link
    path.write_bytes(content)
