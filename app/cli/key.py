"""A new key for the service: a random token, of which the service's file gets the name and the hash."""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path

from app.api_keys import LINE, BrokenKeysError, read
from app.cli.ending import WrongUsageError

BYTES = 32
PREFIX = "wardrobe_"
"""By which a scanner finds a key where none should be."""


def add_key(name: str, file: Path) -> str:
    """A new key called `name`, whose line has been added to the file; one that is not there is made, for its owner alone.

    Raises:
        WrongUsageError: The name can't stand in the file, or the file holds something else.
    """
    key = PREFIX + secrets.token_urlsafe(BYTES)
    line = f"{name} {hashlib.sha256(key.encode()).hexdigest()}"
    if not LINE.fullmatch(line):
        raise WrongUsageError(f"The name is {name!a} and must be 1 to 64 letters, digits, dots, dashes and underscores.")
    entry = f"{line}\n".encode()
    if file.exists():
        try:
            read(file)
        except BrokenKeysError as error:
            raise WrongUsageError(f"A key can be added to a file of keys only: {error}.") from error
        if file.read_bytes()[-1:] not in (b"", b"\n"):
            entry = b"\n" + entry
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, entry)  # in one piece, as a service may be reading it
    finally:
        os.close(descriptor)
    return key
