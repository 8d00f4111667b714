"""Files of API keys for tests."""

from __future__ import annotations

import hashlib
from pathlib import Path

KEY, OTHER = "wardrobe_of-the-tests", "wardrobe_of-another"
BEARER = {"Authorization": f"Bearer {KEY}"}


def line(name: str, key: str) -> str:
    return f"{name} {hashlib.sha256(key.encode()).hexdigest()}\n"


def key_file(folder: Path) -> Path:
    """A file of two keys."""
    path = folder / "keys.txt"
    path.write_text(f"# of the tests\n\n{line('tests', KEY)}{line('another', OTHER)}")
    return path
