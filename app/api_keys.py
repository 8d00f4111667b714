"""The keys that open the service: a file that holds each one's name and SHA-256, never the key.

A key is 256 random bits, which nobody can guess from its hash, so a plain SHA-256 is right: slow hashes are for passwords, and would
take milliseconds of each request.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
import time
from pathlib import Path

LINE = re.compile(r"(?P<name>[A-Za-z0-9._-]{1,64})[ \t]+(?P<digest>[0-9A-Fa-f]{64})")
CHECK_SECONDS = 1.0
"""How long a key that was taken out of the file may still open the service."""

log = logging.getLogger(__name__)

Keys = list[tuple[str, bytes]]
"""Names and the SHA-256 of each one's key. A name may have several, while one takes another's place."""


class BrokenKeysError(Exception):
    """The file can't be read, or has a line that is none; the message says which."""


def read(path: Path) -> Keys:
    """The keys in the file: a line for each, `name sha256`; blank lines and those that begin with `#` are left out.

    Raises:
        BrokenKeysError: It is no file, or can't be read, or a line is neither.
    """
    try:
        if not path.is_file():  # a pipe would never end; a link is followed, as orchestrators mount secrets by them
            raise BrokenKeysError(f"there is no file {str(path)!a}")
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BrokenKeysError(f"{str(path)!a} can't be read: {error}") from error
    keys = []
    for number, line in enumerate(map(str.strip, lines), 1):
        if not line or line.startswith("#"):
            continue
        found = LINE.fullmatch(line)
        if found is None:  # which may hold a key that was pasted by mistake, so it is not shown
            raise BrokenKeysError(f"line {number} of {str(path)!a} must be a name and a SHA-256 in hex, as `wardrobe key NAME` writes it")
        keys.append((found["name"], bytes.fromhex(found["digest"])))
    return keys


class ApiKeys:
    """The file's keys as they are now: it is read again when it has changed, and the last good ones hold while it is broken.

    Where it is broken from the start no key is known, until it is mended.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._keys: Keys = []
        self._seen: tuple[int, ...] | None = ()
        self._check_at = 0.0
        self._refresh()

    def name_of(self, key: bytes) -> str | None:
        """The name of a key, None where it is not one of the file's; all are compared, each in constant time."""
        now = time.monotonic()
        if now >= self._check_at:
            self._check_at = now + CHECK_SECONDS
            self._refresh()
        digest = hashlib.sha256(key).digest()
        name = None
        for known, stored in self._keys:
            if hmac.compare_digest(digest, stored):
                name = known
        return name

    def _refresh(self) -> None:
        seen = _signature(self._path)  # before it is read, so that what is written meanwhile is seen next time
        if seen == self._seen:
            return
        self._seen = seen
        try:
            self._keys = read(self._path)
        except BrokenKeysError as error:
            log.error("the API keys can't be read; those read last stay", extra={"reason": str(error), "keys": len(self._keys)})
        else:
            log.info("the API keys are read", extra={"keys": len(self._keys)})


def _signature(path: Path) -> tuple[int, ...] | None:
    """What differs between a file and another, or itself once it is changed; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
