"""The lock files: every package at one version, with the hashes of its files and no address."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
SERVE = ROOT / "requirements" / "serve.lock"
LOCKS = (*sorted(ROOT.glob("requirements/*.lock")), ROOT / "deploy/ray/requirements.lock", ROOT / "tests/clients/requirements.lock")

_HASH = re.compile(r"--hash=(sha256:[0-9a-f]{64})(?!\S)")


@dataclass(frozen=True)
class Pin:
    """A package as a lock file has it; `marker` says on which machines, and is empty for all."""

    name: str
    version: str
    marker: str
    hashes: frozenset[str]


def read(lock: Path) -> list[Pin]:
    """The packages of a lock file, in its order.

    Raises:
        ValueError: A line is not a package at one version with SHA-256 hashes.
    """
    lines = [line for line in lock.read_text().splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return [_pin(entry, lock) for entry in "\n".join(lines).replace("\\\n", " ").splitlines()]


def _pin(entry: str, lock: Path) -> Pin:
    hashes = frozenset(_HASH.findall(entry))
    requirement = Requirement(_HASH.sub("", entry).strip())
    [specifier] = requirement.specifier or [None]
    if specifier is None or specifier.operator != "==" or "*" in specifier.version or requirement.url or not hashes:
        raise ValueError(f"{lock.name}: {entry.strip()!r} is not a package at one version with its hashes")
    return Pin(canonicalize_name(requirement.name), specifier.version, str(requirement.marker or ""), hashes)
