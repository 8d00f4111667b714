"""Files of the models folder, which others may write to."""

from __future__ import annotations

import errno
from pathlib import Path


def content(path: Path) -> bytes:
    """The content of a regular file: a link leads out of the folder, a pipe would never end.

    Raises:
        OSError: It can't be read, or is not one.
    """
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise OSError(errno.EINVAL, "not a regular file")
    return path.read_bytes()
